"""What every request passes before an endpoint sees it: TLS, bounds on connections and bodies, headers, counting."""
