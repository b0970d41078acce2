// http_get.go - an HTTP GET that checks every error, ends in time, and reads the body to its end.
//
//	go run http_get.go http://127.0.0.1:8000/
package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

// [get]
func get(ctx context.Context, url string, out io.Writer) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err // a wrong URL
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err // no connection, no answer in time; response is nil
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, response.Status) // 404 is no err of Do
	}
	_, err = io.Copy(out, response.Body)
	return err // the body may be cut off
}

// [get-end]

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: http_get URL")
		os.Exit(2)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := get(ctx, os.Args[1], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
