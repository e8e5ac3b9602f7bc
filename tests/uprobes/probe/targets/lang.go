// SPDX-License-Identifier: GPL-2.0
// lang.go - a Go program: arguments in registers by the convention of its own; prints what they are.
package main

import (
	"fmt"
	"os"
)

type Item struct {
	ID    int32
	Price float64
	Name  string
	next  *Item
}

//go:noinline
func (it *Item) Total(count int64, tag string, flag bool) float64 {
	fmt.Printf("Total ID=%d Price=%g Name=%q next_ID=%d count=%d tag=%q flag=%t\n", it.ID, it.Price, it.Name, it.next.ID, count, tag, flag)
	return it.Price * float64(count)
}

//go:noinline
func many(a int, b int8, c int16, d int32, e float64, f float32, g int, h int, i int, j int, k int, l int) int {
	fmt.Printf("many a=%d b=%d c=%d d=%d e=%g f=%g g=%d l=%d\n", a, b, c, d, e, f, g, l)
	return a + g + h + i + j + k + l
}

func main() {
	n := len(os.Args)
	it := &Item{ID: int32(n + 6), Price: 2.5, Name: "a thing"}
	it.next = it
	for i := 0; i < 2; i++ {
		it.Total(int64(i), "tag", i == 1)
		many(n-5, -3, -300, int32(-70000*n), 1.5, 0.25, 7, 8, 9, 10, 11, 12*n)
	}
}
