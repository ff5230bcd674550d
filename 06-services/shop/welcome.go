package shop

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"warren.example/workshop/scratch"
)

// welcome says where everything is and what to type, once the shop is ready.
func (p *program) welcome(ctx context.Context, s *Shop) {
	if s.Address("gateway") != "" {
		fmt.Fprintf(p.out, "The shop is open: %s\n\n", s.gateway())
	}
	for _, one := range s.services {
		fmt.Fprintf(p.out, "  %-13s %s\n", one.definition.Name, s.Address(one.definition.Name))
	}
	if s.local.broker != nil {
		fmt.Fprintf(p.out, "  %-13s %s\n", "minirabbit", s.local.broker.ManagementURL())
	}
	if s.local.folder != "" {
		fmt.Fprintf(p.out, "  %-13s %s\n", "folder", nearest(s.local.folder))
	}
	if !s.givesSamples() {
		return
	}
	select {
	case <-s.sampled:
	case <-s.Ended():
		return
	case <-ctx.Done():
		return
	}
	if sku := s.something(ctx); sku != "" && s.local.folder != "" {
		fmt.Fprintf(p.out, "\nIn another terminal, order something, and watch what happens to it:\n\n"+
			"  curl -i %s/orders -H @%s -H \"Idempotency-Key: $(date +%%s)\" -d '{\"items\":[{\"sku\":%q,\"quantity\":1}]}'\n"+
			"  %s watch ORDER\n\n", s.gateway(), nearest(filepath.Join(s.local.folder, headerFile)), sku, typed())
	}
}

// something returns the SKU of a product that can be ordered, or "".
func (s *Shop) something(ctx context.Context) string {
	c := s.caller()
	defer c.http.CloseIdleConnections()
	list, err := c.products(ctx)
	if err != nil || len(list) == 0 {
		s.log.Warn("the catalog has nothing to order", "error", err)
		return ""
	}
	return list[0]
}

// nearest is a path as somebody would type it here.
func nearest(path string) string {
	here, err := os.Getwd()
	if err != nil {
		return path
	}
	if relative, err := filepath.Rel(here, path); err == nil && len(relative) < len(path) {
		return filepath.ToSlash(relative)
	}
	return path
}

// typed is what to type to run this program once more.
func typed() string {
	program, err := os.Executable()
	root, outside := scratch.Root()
	if err != nil || outside != nil || !strings.Contains(program, "go-build") {
		return os.Args[0]
	}
	// `go run` has made it, and takes it away again.
	return "go run ./" + nearest(filepath.Join(root, "06-services", "cmd", "shop"))
}

// products returns the SKUs of what is sold, the first hundred.
func (c *caller) products(ctx context.Context) (skus []string, err error) {
	var list struct {
		Products []struct {
			SKU string `json:"sku"`
		} `json:"products"`
	}
	err = c.call(ctx, http.MethodGet, "http://catalog/products?limit=100", nil, &list)
	for _, p := range list.Products {
		skus = append(skus, p.SKU)
	}
	return skus, err
}
