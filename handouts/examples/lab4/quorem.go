// quorem.go - declare, register, call: Go's net/rpc, server and client in one program.
//
//	go run quorem.go
package main

import (
	"errors"
	"fmt"
	"net"
	"net/rpc"
	"time"
)

// [declare]
// What is called and what comes back: both sides compile these.
type Args struct{ A, B int }
type Quotient struct{ Quo, Rem int }

type Arith struct{}

// A method that can be called from afar: two arguments, the second a pointer, and an error.
func (*Arith) QuoRem(args Args, reply *Quotient) error {
	if args.B == 0 {
		return errors.New("divide by zero")
	}
	reply.Quo, reply.Rem = args.A/args.B, args.A%args.B
	return nil
}

func (*Arith) Multiply(args Args, reply *int) error {
	*reply = args.A * args.B
	return nil
}

// [declare-end]

// [call]
// Call waits for ever, so a client that wants a timeout brings its own.
func callWithin(client *rpc.Client, limit time.Duration, name string, args, reply any) error {
	call := client.Go(name, args, reply, make(chan *rpc.Call, 1))
	select {
	case <-call.Done:
		return call.Error
	case <-time.After(limit):
		return errors.New("no reply in time: it may have been executed, or not")
	}
}

// [call-end]

func main() {
	server := rpc.NewServer()
	if err := server.Register(new(Arith)); err != nil {
		panic(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go server.Accept(listener)

	client, err := rpc.Dial("tcp", listener.Addr().String())
	if err != nil {
		panic(err)
	}
	defer client.Close()

	var product int
	var quotient Quotient
	fmt.Println(callWithin(client, time.Second, "Arith.Multiply", Args{6, 7}, &product), product)
	fmt.Println(callWithin(client, time.Second, "Arith.QuoRem", Args{17, 5}, &quotient), quotient)
	fmt.Println(callWithin(client, time.Second, "Arith.QuoRem", Args{17, 0}, &quotient))
	fmt.Println(callWithin(client, time.Second, "Arith.Power", Args{2, 10}, &product))
}
