package course

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"sort"
	"strings"
)

// A contract is what a file promises: its package's name and, by name, its exported declarations.
type contract struct {
	pkg   string
	decls map[string]declaration
}

type declaration struct {
	doc  string // comments, those of exported fields included
	form string // without body, unexported fields and values
	line int
}

// readContract reads the exported declarations of a file.
func readContract(name string, source []byte) (contract, error) {
	files := token.NewFileSet()
	parsed, err := parser.ParseFile(files, name, source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return contract{}, err
	}
	c := contract{pkg: parsed.Name.Name, decls: map[string]declaration{}}
	for _, decl := range parsed.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			c.addFunc(files, d)
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				c.addSpec(files, d, spec)
			}
		}
	}
	return c, nil
}

func (c contract) addFunc(files *token.FileSet, d *ast.FuncDecl) {
	name := d.Name.Name
	if d.Recv != nil && len(d.Recv.List) > 0 {
		receiver := receiverName(d.Recv.List[0].Type)
		if !ast.IsExported(receiver) {
			return
		}
		name = receiver + "." + name
		d.Recv.List[0].Names = nil // a receiver's own name is the author's business
	}
	if !d.Name.IsExported() {
		return
	}
	doc := d.Doc.Text()
	d.Doc, d.Body = nil, nil
	c.decls[name] = declaration{doc: doc, form: render(files, d), line: files.Position(d.Name.Pos()).Line}
}

func (c contract) addSpec(files *token.FileSet, d *ast.GenDecl, spec ast.Spec) {
	switch s := spec.(type) {
	case *ast.TypeSpec:
		if !s.Name.IsExported() {
			return
		}
		doc := docOf(d, s.Doc) + stripType(s.Type)
		s.Doc, s.Comment = nil, nil
		c.decls[s.Name.Name] = declaration{doc: doc, form: "type " + render(files, s), line: files.Position(s.Pos()).Line}
	case *ast.ValueSpec:
		for i, name := range s.Names {
			if !name.IsExported() {
				continue
			}
			form := d.Tok.String() + " " + name.Name
			if s.Type != nil {
				form += " " + render(files, s.Type)
			}
			if d.Tok == token.CONST && i < len(s.Values) {
				form += " = " + render(files, s.Values[i])
			}
			c.decls[name.Name] = declaration{doc: docOf(d, s.Doc), form: form, line: files.Position(name.Pos()).Line}
		}
	}
}

// stripType takes unexported fields and all comments out of a type, and returns the comments of what is left.
func stripType(t ast.Expr) (comments string) {
	var fields *ast.FieldList
	switch t := t.(type) {
	case *ast.StructType:
		fields = t.Fields
	case *ast.InterfaceType:
		fields = t.Methods
	default:
		return ""
	}
	var b strings.Builder
	var kept []*ast.Field
	for _, f := range fields.List {
		var names []*ast.Ident
		for _, n := range f.Names {
			if n.IsExported() {
				names = append(names, n)
			}
		}
		if len(f.Names) > 0 && len(names) == 0 {
			continue
		}
		f.Names = names
		b.WriteString(f.Doc.Text() + f.Comment.Text())
		b.WriteString(stripType(f.Type))
		f.Doc, f.Comment = nil, nil
		kept = append(kept, f)
	}
	fields.List = kept
	return b.String()
}

// differences says where other departs from the contract. docs compares the comments too.
func (c contract) differences(other contract, docs bool) []string {
	var found []string
	if c.pkg != other.pkg {
		found = append(found, fmt.Sprintf("package is %s, in the skeleton it is %s", other.pkg, c.pkg))
	}
	for _, name := range sortedNames(c.decls) {
		mine := c.decls[name]
		theirs, exists := other.decls[name]
		switch {
		case !exists:
			found = append(found, fmt.Sprintf("%s is missing; the skeleton has it: %s", name, mine.form))
		case mine.form != theirs.form:
			found = append(found, fmt.Sprintf("%s differs from the skeleton: %s; there: %s", name, theirs.form, mine.form))
		case docs && mine.doc != theirs.doc:
			found = append(found, fmt.Sprintf("the comment of %s differs from the skeleton's: the contract must be the same, copy it", name))
		}
	}
	for _, name := range sortedNames(other.decls) {
		if _, exists := c.decls[name]; !exists {
			found = append(found, fmt.Sprintf("%s is exported, but the skeleton has no %s: don't export it", name, name))
		}
	}
	return found
}

func docOf(d *ast.GenDecl, own *ast.CommentGroup) string {
	if own == nil && len(d.Specs) == 1 {
		own = d.Doc
	}
	return own.Text()
}

func receiverName(t ast.Expr) string {
	switch t := t.(type) {
	case *ast.StarExpr:
		return receiverName(t.X)
	case *ast.IndexExpr:
		return receiverName(t.X)
	case *ast.IndexListExpr:
		return receiverName(t.X)
	case *ast.Ident:
		return t.Name
	}
	return ""
}

func render(files *token.FileSet, node any) string {
	var b bytes.Buffer
	if err := printer.Fprint(&b, files, node); err != nil {
		return err.Error()
	}
	// In one line: it will be quoted, and how fields were aligned makes no difference.
	return strings.Join(strings.Fields(b.String()), " ")
}

func sortedNames[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}
