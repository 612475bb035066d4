// What answers an ACME challenge by HTTP, from cert-manager's own module: only the start of the program is ours, as its
// command is not in the module.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"github.com/cert-manager/cert-manager/pkg/issuer/acme/http/solver"
	logf "github.com/cert-manager/cert-manager/pkg/logs"
)

func main() {
	challenge := &solver.HTTP01Solver{}
	flag.IntVar(&challenge.ListenPort, "listen-port", 8089, "the port to listen on")
	flag.StringVar(&challenge.Domain, "domain", "", "the domain name to verify")
	flag.StringVar(&challenge.Token, "token", "", "the challenge token")
	flag.StringVar(&challenge.Key, "key", "", "the challenge key")
	flag.Parse()
	logf.InitLogs()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	go func() {
		<-ctx.Done()
		_ = challenge.Shutdown(context.Background())
	}()
	if err := challenge.Listen(logf.Log); err != nil && !errors.Is(err, http.ErrServerClosed) {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}
