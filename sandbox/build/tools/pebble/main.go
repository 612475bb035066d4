// Pebble, Let's Encrypt's own ACME server for tests, under the address of Let's Encrypt: only the start is ours.
//
// It checks challenges, and signs by authorities that it makes anew each time, as Pebble does by itself: its names come
// from the system's resolver, it refuses one nonce in twenty, and no domain is known to it from before. What differs from
// `cmd/pebble`: the directory is also at /directory, where Let's Encrypt has it, and a challenge is asked for at port 80.
// It has neither Let's Encrypt's limits of rate nor its many points of view.
package main

import (
	"flag"
	"log"
	"net/http"
	"os"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
)

const (
	days90     = 90 * 24 * 60 * 60 // seconds: https://letsencrypt.org/docs/faq/
	retryAfter = 1                 // seconds
)

func main() {
	address := flag.String("address", "", "where to serve ACME")
	management := flag.String("management", "", "where to serve the authorities' certificates")
	certificate := flag.String("certificate", "", "the certificate of both, in PEM")
	key := flag.String("key", "", "its key")
	flag.Parse()
	logger := log.New(os.Stdout, "", log.LstdFlags)
	store := db.NewMemoryStore()
	profiles := map[string]ca.Profile{"default": {Description: "the only one", ValidityPeriod: days90}}
	authority := ca.New(logger, store, "", "ecdsa", 0, 1, profiles)
	validation := va.New(logger, 80, 443, false, "", store)
	front := wfe.New(logger, store, validation, authority, []string{"letsencrypt.org"}, false, false, retryAfter, retryAfter)
	go func() {
		logger.Fatal(http.ListenAndServeTLS(*management, *certificate, *key, front.ManagementHandler()))
	}()
	logger.Fatal(http.ListenAndServeTLS(*address, *certificate, *key, atLetsEncrypts(front.Handler())))
}

// atLetsEncrypts serves the directory at Let's Encrypt's path as well.
func atLetsEncrypts(handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/directory" {
			r.URL.Path = wfe.DirectoryPath
		}
		handler.ServeHTTP(w, r)
	})
}
