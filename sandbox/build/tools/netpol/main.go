// Judges flows by NetworkPolicies, with the rules of github.com/mattfenwick/cyclonus: the exchange in JSON is ours alone.
//
// Standard input has `policies`, as the API server gives them, `peers` by name, and `flows`, each a source, a
// destination and a TCP or UDP port. The answer has for each flow whether the destination's policies let it in and the
// source's let it out.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/mattfenwick/cyclonus/pkg/matcher"
	v1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
)

type peer struct {
	Namespace       string            `json:"namespace"`
	NamespaceLabels map[string]string `json:"namespaceLabels"`
	Labels          map[string]string `json:"labels"`
	Address         string            `json:"address"`
}

type flow struct {
	Source      string      `json:"source"`
	Destination string      `json:"destination"`
	Port        int         `json:"port"`
	Protocol    v1.Protocol `json:"protocol"`
}

type question struct {
	Policies []*networkingv1.NetworkPolicy `json:"policies"`
	Peers    map[string]peer               `json:"peers"`
	Flows    []flow                        `json:"flows"`
}

type verdict struct {
	In  bool `json:"in"`
	Out bool `json:"out"`
}

func (p peer) traffic() *matcher.TrafficPeer {
	if p.Namespace == "" {
		return &matcher.TrafficPeer{IP: p.Address}
	}
	inside := &matcher.InternalPeer{PodLabels: p.Labels, NamespaceLabels: p.NamespaceLabels, Namespace: p.Namespace}
	return &matcher.TrafficPeer{Internal: inside, IP: p.Address}
}

func judge(asked question) ([]verdict, error) {
	policies := matcher.BuildNetworkPolicies(false, asked.Policies)
	verdicts := make([]verdict, 0, len(asked.Flows))
	for _, f := range asked.Flows {
		source, known := asked.Peers[f.Source]
		destination, too := asked.Peers[f.Destination]
		if !known || !too {
			return nil, fmt.Errorf("a flow from %q to %q, of which one is no peer", f.Source, f.Destination)
		}
		result := policies.IsTrafficAllowed(&matcher.Traffic{
			Source:       source.traffic(),
			Destination:  destination.traffic(),
			ResolvedPort: f.Port,
			Protocol:     f.Protocol,
		})
		verdicts = append(verdicts, verdict{In: result.Ingress.IsAllowed(), Out: result.Egress.IsAllowed()})
	}
	return verdicts, nil
}

func main() {
	var asked question
	decoder := json.NewDecoder(os.Stdin)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&asked); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	verdicts, err := judge(asked)
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(verdicts)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
