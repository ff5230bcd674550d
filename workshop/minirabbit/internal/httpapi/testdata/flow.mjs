// TestDotsRunWhereMessagesWent runs this beside copies of the scripts of the page. Prints nothing if all is right.
import assert from 'node:assert/strict';
import { layout } from './layout.mjs';
import { changes } from './changes.mjs';
import { flow } from './flow.mjs';

// look returns an answer of /live. Ways are bindings, "source > queue" or "source >> exchange", with how many went there.
// Exchanges are with publish_in, queues with publish and deliver_get.
function look(ways, exchanges, queues) {
  return {
    host: '/', connections: [],
    exchanges: Object.entries(exchanges).map(([name, publish_in]) => ({ name, type: 'topic', message_stats: { publish_in, publish_out: 0 } })),
    bindings: Object.entries(ways).map(([way, carried]) => {
      const [source, destination] = way.split(/ >>? /);
      const destination_type = way.includes('>>') ? 'exchange' : 'queue';
      return { source, destination, destination_type, routing_key: '#', arguments: {}, properties_key: '#', carried };
    }),
    queues: Object.entries(queues).map(([name, [publish, deliver_get]]) => (
      { name, messages: 0, messages_ready: 0, messages_unacknowledged: 0, message_stats: { publish, deliver_get, redeliver: 0, ack: 0 } })),
    consumers: [{ consumer_tag: 'c', queue: { name: 'tea' }, channel_details: { name: 'ch' } }],
    channels: [{ name: 'ch', message_stats: { publish: 0, return_unroutable: 0, deliver_get: queues.tea?.[1] ?? 0, ack: 0 } }],
  };
}

// dots returns what runs between two looks: { "news >> offers": [count, delay] }.
function dots(before, now) {
  const { edges } = layout(look(...now), { filter: '', all: false });
  const name = (path) => {
    const e = edges.find((one) => one.path === path);
    return e.kind === 'binding' ? `${e.source} ${e.toExchange ? '>>' : '>'} ${e.target}` : `${e.source} > consumer`;
  };
  return Object.fromEntries(flow(edges, changes(look(...before), look(...now))).map(({ path, count, delay }) => [name(path), [count, delay]]));
}

const ways = { 'news >> recalls': 3, 'news >> offers': 0, 'recalls > tea': 3, 'recalls > cups': 3, 'offers > tea': 0, 'offers > cups': 0 };
const exchanges = { news: 3, recalls: 0, offers: 0 };
const before = [ways, exchanges, { tea: [3, 3], cups: [3, 0] }];

// Through an inner exchange, which counts nothing itself; and only the way that was taken.
assert.deepEqual(dots(before, [{ ...ways, 'news >> offers': 2, 'offers > tea': 2 }, { ...exchanges, news: 5 }, { tea: [5, 5], cups: [3, 0] }]), {
  'news >> offers': [2, 0], 'offers > tea': [2, 500], 'tea > consumer': [2, 1000],
});

// Published to the inner exchange: it begins there.
assert.deepEqual(dots(before, [{ ...ways, 'offers > tea': 1 }, { ...exchanges, offers: 1 }, { tea: [4, 4], cups: [3, 0] }]), {
  'offers > tea': [1, 0], 'tea > consumer': [1, 500],
});

// Three in a row, in a circle, which must end.
const circle = { 'a >> b': 0, 'b >> c': 0, 'c >> a': 0, 'c > tea': 0 };
assert.deepEqual(dots([circle, { a: 0, b: 0, c: 0 }, { tea: [0, 0] }],
  [{ ...circle, 'a >> b': 1, 'b >> c': 1, 'c > tea': 1 }, { a: 1, b: 0, c: 0 }, { tea: [1, 0] }]), {
  'a >> b': [1, 0], 'b >> c': [1, 500], 'c > tea': [1, 1000],
});

// The default exchange, whose bindings nobody counts.
assert.deepEqual(dots([{}, { '': 0 }, { tea: [0, 0], cups: [0, 0] }], [{}, { '': 1 }, { tea: [0, 0], cups: [1, 0] }]), { ' > cups': [1, 0] });

// Taken from a queue later: only the consumer's edge. Nothing that anybody wanted: nothing at all.
assert.deepEqual(dots([ways, exchanges, { tea: [3, 2], cups: [3, 0] }], before), { 'tea > consumer': [1, 0] });
assert.deepEqual(dots(before, [ways, { ...exchanges, news: 4 }, { tea: [3, 3], cups: [3, 0] }]), {});
