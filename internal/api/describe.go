package main

import (
	"fmt"
	"go/types"
	"strings"
)

// A describer collects the lines of one package.
type describer struct {
	pkg   *types.Package
	lines []string
}

func (d *describer) add(format string, args ...any) {
	d.lines = append(d.lines, "pkg "+strings.TrimPrefix(d.pkg.Path(), module+"/")+", "+fmt.Sprintf(format, args...))
}

// name returns the name of a type as the package writes it.
func (d *describer) name(t types.Type) string {
	return types.TypeString(t, func(p *types.Package) string {
		if p == d.pkg {
			return ""
		}
		return p.Name()
	})
}

func (d *describer) object(object types.Object) {
	switch o := object.(type) {
	case *types.Const:
		d.add("const %s %s = %s", o.Name(), d.name(o.Type()), o.Val().ExactString())
	case *types.Var:
		d.add("var %s %s", o.Name(), d.name(nameless(o.Type())))
	case *types.Func:
		d.add("func %s%s", o.Name(), d.signature(o.Signature()))
	case *types.TypeName:
		d.typeName(o)
	}
}

// signature returns type parameters, parameters and results.
func (d *describer) signature(s *types.Signature) string {
	return d.typeParams(s.TypeParams()) + strings.TrimPrefix(d.name(nameless(s)), "func")
}

func (d *describer) typeParams(list *types.TypeParamList) string {
	if list.Len() == 0 {
		return ""
	}
	var params []string
	for p := range list.TypeParams() {
		params = append(params, p.Obj().Name()+" "+d.name(p.Constraint()))
	}
	return "[" + strings.Join(params, ", ") + "]"
}

func (d *describer) typeName(o *types.TypeName) {
	if alias, ok := o.Type().(*types.Alias); ok {
		d.add("type %s%s = %s", o.Name(), d.typeParams(alias.TypeParams()), d.name(nameless(alias.Rhs())))
		return
	}
	named := o.Type().(*types.Named)
	head := "type " + o.Name() + d.typeParams(named.TypeParams())
	switch t := named.Underlying().(type) {
	case *types.Struct:
		kind := "struct"
		if types.Comparable(t) {
			kind = "comparable struct"
		}
		d.add("%s %s", head, kind)
		for f := range t.Fields() {
			if f.Exported() {
				embedded := ""
				if f.Embedded() {
					embedded = "embedded "
				}
				d.add("%s struct, %s%s %s", head, embedded, f.Name(), d.name(nameless(f.Type())))
			}
		}
	case *types.Interface:
		d.add("%s interface", head)
		for m := range t.Methods() {
			d.add("%s interface, %s%s", head, m.Name(), d.signature(m.Signature()))
		}
		if t.NumEmbeddeds() > 0 {
			d.add("%s interface %s", head, d.name(nameless(t)))
		}
	default:
		d.add("%s %s", head, d.name(nameless(t)))
	}
	if types.IsInterface(named) {
		return
	}
	values := types.NewMethodSet(named)
	for selection := range types.NewMethodSet(types.NewPointer(named)).Methods() {
		method := selection.Obj().(*types.Func)
		if !method.Exported() {
			continue
		}
		receiver := "*" + o.Name()
		if values.Lookup(d.pkg, method.Name()) != nil {
			receiver = o.Name()
		}
		d.add("method (%s) %s%s", receiver, method.Name(), d.signature(method.Signature()))
	}
}

// nameless returns a type without the names of parameters and results of the
// functions in it.
func nameless(t types.Type) types.Type {
	s, ok := t.(*types.Signature)
	if !ok {
		return t
	}
	tuple := func(in *types.Tuple) *types.Tuple {
		var vars []*types.Var
		for v := range in.Variables() {
			vars = append(vars, types.NewParam(v.Pos(), v.Pkg(), "", nameless(v.Type())))
		}
		return types.NewTuple(vars...)
	}
	return types.NewSignatureType(nil, nil, nil, tuple(s.Params()), tuple(s.Results()), s.Variadic())
}
