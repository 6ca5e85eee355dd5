import time

import pytest

from aiops_processor.llm.risk import risk_of


@pytest.mark.parametrize(
    "command",
    [
        "kubectl get pods",
        "kubectl -n shop --context prod describe pod cart-1",
        "kubectl logs deploy/cart --since=1h | grep -i error | tail -20",
        "kubectl rollout status deploy/cart",
        "sudo systemctl status nginx",
        "curl -s http://cart:8080/health",
        "curl -sf -X GET http://cart/health 2>/dev/null",
        "journalctl -u nginx --since '1 hour ago' 2>&1 | head",
        "Check the dashboard of checkout",
    ],
)
def test_what_only_looks_is_low(command: str) -> None:
    assert risk_of(command) == "low"


@pytest.mark.parametrize(
    "command",
    [
        "kubectl rollout restart deploy/cart",
        "kubectl scale deploy/cart --replicas=4",
        "kubectl get deploy cart -o yaml | kubectl apply -f -",
        "kubectl get pods | xargs kubectl annotate x=y",
        "systemctl restart nginx",
        "curl -X POST http://cart/admin/reload",
        "curl -d x=1 http://cart/admin",
        "echo 1 > /proc/sys/vm/drop_caches",
        "kubectl get pods; ./fix.sh",
        "kubectl get $(./fix.sh)",
        "Fail over to the other region",
        "",
    ],
)
def test_what_changes_something_or_is_not_known_is_medium(command: str) -> None:
    assert risk_of(command) == "medium"


@pytest.mark.parametrize(
    "command",
    [
        "kubectl delete pod cart-1",
        "kubectl get pods && kubectl delete pod cart-1",
        "kubectl exec db -- psql -c 'DROP TABLE x'",
        "rm -rf /var/log/x",
        "kill -9 123",
        "git push --force",
        "aws ec2 terminate-instances --instance-ids i-1",
        "psql -c 'select pg_terminate_backend(1)'",
        "curl -X DELETE http://es/index",
        "systemctl disable --now nginx",
        "Delete the persistent volume",
    ],
)
def test_what_may_lose_something_is_high(command: str) -> None:
    assert risk_of(command) == "high"


def test_a_hostile_command_takes_no_time() -> None:
    began = time.process_time()
    risk_of("kubectl" + " -a a" * 5000 + " x")
    risk_of("curl " * 3000)
    assert time.process_time() - began < 1
