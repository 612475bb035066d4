// The controller of cert-manager, from its own module: only the start of the program is ours.
//
// It runs the controllers of Certificates, and the issuers of type selfSigned, CA and ACME, all as the real one does by
// default. Of the configuration file it follows `gatewayAPI.enabled`; the rest is fixed below to the real one's
// defaults. Left out: the issuers Vault and Venafi (whose client is not served as a module), annotations of Ingresses and
// Gateways, the election of a leader (there is one Pod), metrics of issuers, the profiler.
package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	configapi "github.com/cert-manager/cert-manager/pkg/apis/config/controller/v1alpha1"
	"github.com/cert-manager/cert-manager/pkg/controller"
	_ "github.com/cert-manager/cert-manager/pkg/controller/acmechallenges"
	_ "github.com/cert-manager/cert-manager/pkg/controller/acmeorders"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/acme"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/approver"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/ca"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/selfsigned"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/issuing"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/keymanager"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/readiness"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/requestmanager"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/revisionmanager"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/trigger"
	_ "github.com/cert-manager/cert-manager/pkg/controller/clusterissuers"
	_ "github.com/cert-manager/cert-manager/pkg/controller/issuers"
	"github.com/cert-manager/cert-manager/pkg/healthz"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/acme"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/ca"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/selfsigned"
	logf "github.com/cert-manager/cert-manager/pkg/logs"
	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/yaml"
)

const workers = 5

func main() {
	file := flag.String("config", "", "a ControllerConfiguration")
	namespace := flag.String("cluster-resource-namespace", "kube-system", "where ClusterIssuers have their Secrets")
	solver := flag.String("acme-http01-solver-image", "", "the image that answers challenges")
	flag.Parse()
	logf.InitLogs()
	ctx, stop := signal.NotifyContext(logf.NewContext(context.Background(), logf.Log), syscall.SIGTERM, os.Interrupt)
	defer stop()
	gateways, err := gatewayAPI(*file)
	if err == nil {
		err = serve(ctx, options(*namespace, *solver, gateways))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

// gatewayAPI is whether a configuration file, if there is one, enables it.
func gatewayAPI(file string) (bool, error) {
	if file == "" {
		return false, nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return false, err
	}
	found := configapi.ControllerConfiguration{}
	if err := yaml.UnmarshalStrict(data, &found); err != nil {
		return false, err
	}
	enabled := found.GatewayAPIConfig.Enabled
	return enabled != nil && *enabled, nil
}

// options of the controllers: https://cert-manager.io/docs/cli/controller/ has the defaults.
func options(namespace, solver string, gateways bool) controller.ContextOptions {
	return controller.ContextOptions{
		KubernetesAPIQPS:   20,
		KubernetesAPIBurst: 50,
		ACMEOptions: controller.ACMEOptions{
			HTTP01SolverImage:                 solver,
			HTTP01SolverResourceRequestCPU:    resource.MustParse("10m"),
			HTTP01SolverResourceRequestMemory: resource.MustParse("64Mi"),
			HTTP01SolverResourceLimitsCPU:     resource.MustParse("100m"),
			HTTP01SolverResourceLimitsMemory:  resource.MustParse("64Mi"),
			ACMEHTTP01SolverRunAsNonRoot:      true,
			DNS01CheckRetryPeriod:             10 * time.Second,
		},
		IssuerOptions:    controller.IssuerOptions{ClusterResourceNamespace: namespace},
		SchedulerOptions: controller.SchedulerOptions{MaxConcurrentChallenges: 60},
		CertificateOptions: controller.CertificateOptions{
			CopiedAnnotationPrefixes:                 []string{"*", "-kubectl.kubernetes.io/"},
			CertificateRequestMinimumBackoffDuration: time.Hour,
			CertificateRequestMaximumBackoffDuration: 32 * time.Hour,
		},
		ConfigOptions: controller.ConfigOptions{EnableGatewayAPI: gateways},
	}
}

// serve runs every controller that is linked in, until the context ends.
func serve(ctx context.Context, options controller.ContextOptions) error {
	factory, err := controller.NewContextFactory(ctx, options)
	if err != nil {
		return err
	}
	shared, err := factory.Build()
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", ":9403")
	if err != nil {
		return err
	}
	metrics, err := net.Listen("tcp", ":9402")
	if err != nil {
		return err
	}
	shared.Metrics.SetupCertificateCollector(shared.SharedInformerFactory.Certmanager().V1().Certificates().Lister())
	shared.Metrics.SetupACMECollector(shared.SharedInformerFactory.Acme().V1().Challenges().Lister())
	shown := shared.Metrics.NewServer(metrics)
	defer shown.Close()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return healthz.NewServer(20*time.Second).Start(ctx, listener) })
	go func() { _ = shown.Serve(metrics) }()
	for name, construct := range controller.Known() {
		one, err := construct(factory)
		if err != nil {
			return fmt.Errorf("controller %s: %w", name, err)
		}
		group.Go(func() error { return one.Run(workers, ctx) })
	}
	shared.SharedInformerFactory.Start(ctx.Done())
	shared.KubeSharedInformerFactory.Start(ctx.Done())
	shared.HTTP01ResourceMetadataInformersFactory.Start(ctx.Done())
	if options.EnableGatewayAPI {
		shared.GWShared.Start(ctx.Done())
	}
	return group.Wait()
}
