// What bench.go is run by: measure.h has the description.
package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	noRow = 3
	batch = 1000
)

type bench struct {
	run   func(n int)         // timed: ns per operation
	value func(n int) float64 // sized
}

func tookNs(run func(int), n int) float64 {
	start := time.Now()
	run(n)
	return float64(time.Since(start).Nanoseconds())
}

// ns per operation. The short runs that find n are the warm-up.
func perOp(run func(int)) float64 {
	target := 200e6
	if ms, err := strconv.ParseFloat(os.Getenv("BENCH_MS"), 64); err == nil {
		target = ms * 1e6
	}
	n := batch
	took := tookNs(run, n)
	for ; took < target/10; took = tookNs(run, n) {
		n *= 2
	}
	n = int(float64(n)*target/took/batch+1) * batch
	return tookNs(run, n) / float64(n)
}

// Memory of the process in bytes: resident, and its page tables.
func memory() float64 {
	text, _ := os.ReadFile("/proc/self/status")
	kb, found := 0.0, 0
	for _, line := range strings.Split(string(text), "\n") {
		key, rest, _ := strings.Cut(line, ":")
		if key == "VmRSS" || key == "VmPTE" {
			n, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			kb += n
			found++
		}
	}
	if found != 2 {
		panic("no VmRSS and VmPTE in /proc/self/status")
	}
	return kb * 1024
}

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintf(os.Stderr, "usage: %s ROW [N]\n", os.Args[0])
		os.Exit(2)
	}
	b, found := rows[os.Args[1]]
	if !found {
		os.Exit(noRow)
	}
	n := 0
	if len(os.Args) > 2 {
		n, _ = strconv.Atoi(os.Args[2])
	}
	switch {
	case b.value != nil:
		fmt.Printf("%.4f\n", b.value(n))
	case n > 0:
		fmt.Printf("%.4f\n", tookNs(b.run, n)/float64(n))
	default:
		fmt.Printf("%.4f\n", perOp(b.run))
	}
}
