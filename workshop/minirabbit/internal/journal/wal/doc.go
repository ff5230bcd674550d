// Package wal is a log of records in a folder: bytes are appended, brought to the disk in groups, and read again by the
// next process, however this one ended. It knows nothing of what the records mean, except that its user can tell which of
// them are no longer needed.
//
//	Append ──> pending ──writer──> newest segment ──fsync──> Sink.Safe(n)
//	                                  │ full
//	                                  └──> sealed segments ──compact──> one segment, the dead left out
//
// What Safe has said is on the disk: it survives the end of the process and of the machine, as far as the disk keeps its
// word after fsync. Of what was appended later a beginning survives, in order, without gaps.
//
// A segment is a file: a header, then records. Its name says which segments it stands for, 0000000001-0000000004.wal being
// four that were compacted into one; a file whose numbers are among those of another is what a crash has left over.
//
//	header:  "minirabb"  version (4)  seed (4)  checksum of the header (4)
//	record:  length (4)  checksum of the bytes (4)  checksum of the two (4)  bytes
//
// Numbers are little-endian, checksums are CRC-32C and begin with the seed, a random number, so that no record of another
// segment, say in the body of a message, can pass for one of this.
package wal
