"""The ports that embedded servers and services of tests listen on."""

import socket
import subprocess
import sys

from shared.embedded.ports import LOOPBACK, free_port

MANY = "from shared.embedded.ports import free_port\nprint(*(free_port() for _ in range(3000)))"


def test_a_port_is_chosen_once() -> None:
    ports = [free_port() for _ in range(150)]

    assert len(set(ports)) == len(ports)


def test_a_port_that_somebody_uses_is_not_chosen() -> None:
    first = free_port()
    with socket.create_server((LOOPBACK, first + 1)):
        assert free_port() != first + 1


def test_what_one_process_has_chosen_no_other_chooses_although_nothing_listens_yet() -> None:
    ours = {free_port() for _ in range(100)}

    asked = subprocess.run([sys.executable, "-c", MANY], capture_output=True, encoding="ascii", timeout=60, check=True)

    assert ours.isdisjoint(int(port) for port in asked.stdout.split())
