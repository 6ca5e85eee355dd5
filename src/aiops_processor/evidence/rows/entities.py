"""Which service, workload or machine a set of labels is about. Data and pure functions.

The names are those of Prometheus' own service discovery, kube-state-metrics, cAdvisor, OpenTelemetry and Loki's agents.
"""

import re
from collections.abc import Mapping

ENTITY = "__entity__"
"""A label of ours, on series of a service whose name alone is not enough: see namesakes. Never asked for."""

WORKLOADS = (
    "deployment", "statefulset", "daemonset", "replicaset", "cronjob", "job_name", "workload",
    "k8s_deployment_name", "k8s_statefulset_name", "k8s_daemonset_name",
)  # fmt: skip
PODS = ("exported_pod", "pod", "pod_name", "k8s_pod_name")
SERVICES = ("exported_service", "service", "service_name", "app", "application", "app_kubernetes_io_name", "k8s_app")
CONTAINERS = ("exported_container", "container", "container_name", "k8s_container_name", "compose_service")
MACHINES = ("node", "nodename", "hostname", "host", "exported_instance", "instance")
ENTITY_LABELS = (*WORKLOADS, *PODS, *SERVICES, *CONTAINERS, *MACHINES)

NAMESPACES = ("namespace", "exported_namespace", "k8s_namespace_name", "kubernetes_namespace")
JOBS = ("job",)
"""What entities of one system share, the narrowest first."""

REALMS = ("cluster", "k8s_cluster_name", "environment", "env", "region", "datacenter", "dc", "stage", "tenant")
"""What tells two copies of a system apart. Often external labels: injected only where the series carry them."""

IDENTITY = (ENTITY, *ENTITY_LABELS, *NAMESPACES, *JOBS, *REALMS)

COPIES = (
    *PODS, *MACHINES, "id", "uid", "container_id", "replica", "prometheus_replica", "endpoint", "ip", "pod_ip",
    "version", "app_kubernetes_io_version", "image", "commit", "revision", "cpu", "core", "worker", "pid", "thread",
)  # fmt: skip
"""Labels that tell copies of one thing apart: series that differ in them alone are added up."""

_RANDOM = "[bcdfghjklmnpqrstvwxz2456789]"
# Kubernetes draws suffixes from this alphabet (no vowels, so that no words appear): apimachinery/pkg/util/rand.
_POD_SUFFIXES = (
    re.compile(rf"-{_RANDOM}{{5,10}}-{_RANDOM}{{5}}$"),
    re.compile(rf"-\d{{7,10}}-{_RANDOM}{{5}}$"),
    re.compile(rf"-{_RANDOM}{{5}}$"),
    re.compile(r"-\d+$"),
)


def entity_of(labels: Mapping[str, str]) -> str:
    """The workload, service, container or machine that these labels are about, else the job; "" where none is named."""
    workload = labels.get(ENTITY) or _first(labels, WORKLOADS)
    if workload:
        return workload
    pod, service = _first(labels, PODS), _first(labels, SERVICES)
    if pod and not (service and pod.startswith(service)):
        # An exporter that speaks for others (kubelet, kube-state-metrics) has its own name as `service`.
        return workload_of(pod)
    return service or _first(labels, CONTAINERS) or _first(labels, MACHINES) or _first(labels, JOBS)


def workload_of(pod: str) -> str:
    """The name of the workload that made a pod: `cart-7d9f8b6c5d-x2x4z` → `cart`, `db-0` → `db`."""
    for suffix in _POD_SUFFIXES:
        if suffix.search(pod):
            return suffix.sub("", pod)
    return pod


def target_of(labels: Mapping[str, str]) -> tuple[str, str]:
    """What was scraped: (job, instance)."""
    return labels.get("job", ""), labels.get("instance", "")


def identity(labels: Mapping[str, str]) -> dict[str, str]:
    """The labels that say where, without those that say what (alertname, severity, team)."""
    return {name: labels[name] for name in IDENTITY if labels.get(name)}


def _first(labels: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next(filter(None, map(labels.get, names)), "")  # without a generator: it runs for every alert of a storm
