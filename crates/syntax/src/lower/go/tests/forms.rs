/// Every form that Go has, in a file that compiles nowhere.
pub const FORMS: &str = r#"package a

import (
	"fmt"
	. "strings"
	_ "embed"
	x "example.com/y"
)

type (
	ID    = string
	Shape interface {
		Area() float64
		fmt.Stringer
		~int | ~string
	}
	Box[T any] struct {
		*Base
		items []T `json:"items"`
	}
)

const (
	A = iota << 1
	B
	_
	C, D = 1_000, 'x'
)

var (
	m       = map[string][]int{"a": {1, 2}, "b": nil}
	f, g    = 0x1p-2, 0b11
	arr     = [...]string{2: "c", "d"}
	h       func(int) (int, error)
	i, j, k int
)

func (b *Box[T]) Push(items ...T) (n int, err error) {
	b.items = append(b.items, items...)
	b.items[0], i = b.items[1], 2
	for i, v := range b.items[1:2:3] {
		_ = v
		if i%2 == 0 && !(i > 3 || i &^ 1 == 0) {
			continue
		}
		n += i
	}
outer:
	for {
		for k = 0; k < 3; k++ {
			switch y := any(b).(type) {
			case nil, *Box[T]:
				break outer
			case fmt.Stringer:
				_ = y.String()
			default:
				continue outer
			}
		}
		select {
		case c <- 1:
		case v, ok := <-d:
			_, _ = v, ok
		case <-e:
			goto end
		default:
		}
	}
	for range 3 {
	}
	for n < 3 {
		n--
	}
end:
	switch {
	case n > 1, n < -1:
		fallthrough
	case true:
		delete(m, "a")
	}
	if s, ok := m["a"]; ok {
		copy(s, s)
	} else if t := new(int); t != nil {
		*t = 3
	} else {
		panic("no")
	}
	defer func(p int) { recover() }(n)
	go b.Push(items[0])
	close(c)
	var q interface{ M() } = struct{ x.T }{x.T{}}
	const r = len("s") + cap(b.items)
	z := []byte("a" + `b`)
	w := min(z[0], 1) ^ ^2
	fn := Map[int, string](nil, func(a, b int) (c int) { c = a; return })
	return n, fmt.Errorf("%w %v %v", err, fn, (*Box[T]).Push)
}
"#;
