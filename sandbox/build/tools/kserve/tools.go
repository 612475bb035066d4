//go:build tools

// Package tools names the commands that sandbox/build/programs.py builds, so that `go mod tidy` keeps what they need.
package tools

import (
	_ "github.com/kserve/kserve/cmd/llmisvc"
	_ "sigs.k8s.io/gateway-api-inference-extension/cmd/epp"
)
