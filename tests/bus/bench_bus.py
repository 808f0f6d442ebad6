"""How fast the bus is on this machine: `python tests/bus/bench_bus.py [--uvloop]`.

Not collected by pytest. A real nats-server with `sync_interval: always` on the disk that holds
the temporary directory; gateway and member in one process, so they share a core.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from jdgate.bus.access import BusUser, nkey_public
from jdgate.bus.embedded import EmbeddedServer
from jdgate.bus.jetstream import connect_gateway, connect_member
from jdgate.bus.port import GatewayBus, MemberBus, Outgoing


def message(number: int, size: int) -> Outgoing:
    name = f"{time.monotonic_ns():x}-{number}"
    return Outgoing(member="m1", id=name, msg_id=name, kid="kid-1", body=bytes(size))


async def drain(bus: GatewayBus | MemberBus, count: int, limit: int = 256) -> float:
    started, got = time.perf_counter(), 0
    while got < count:
        batch = await bus.fetch(limit, wait=5)
        got += len(batch)
        await bus.ack_many(batch)
    return time.perf_counter() - started


async def latency(gateway: GatewayBus, member: MemberBus, rounds: int) -> list[float]:
    """Publish → fetched, milliseconds, one message at a time."""
    times = []
    for number in range(rounds):
        waiting = asyncio.create_task(gateway.fetch(10, wait=5))
        await asyncio.sleep(0.001)
        started = time.perf_counter()
        sending = asyncio.create_task(member.publish([message(number, 600)]))
        batch = await waiting
        times.append((time.perf_counter() - started) * 1000)
        await sending
        await gateway.ack_many(batch)
    return sorted(times)


async def main() -> None:
    gateway_key, member_key = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()

    def nkey(key: Ed25519PrivateKey) -> str:
        return nkey_public(key.public_key().public_bytes_raw())

    with tempfile.TemporaryDirectory() as directory:
        users = [BusUser("gateway", nkey(gateway_key), "gateway"), BusUser("m1", nkey(member_key))]
        server = EmbeddedServer(Path(directory), users=users)
        started = time.perf_counter()
        await server.start()
        print(f"server started          {(time.perf_counter() - started) * 1000:8.0f} ms")
        gateway = await connect_gateway(server.url, gateway_key)
        await gateway.start()
        await gateway.ensure_members(["m1"])
        member = await connect_member(server.url, "m1", member_key)

        times = await latency(gateway, member, 1000)
        print(f"publish → fetch p50/p99 {times[500]:8.2f} / {times[990]:.2f} ms (600 B)")
        for size, count in ((600, 5000), (64_000, 500)):
            messages = [message(n, size) for n in range(count)]
            started = time.perf_counter()
            await member.publish(messages)
            took = time.perf_counter() - started
            print(f"ingress, 64 in flight   {count / took:8.0f} messages/s ({size} B)")
            print(f"fetch and ack           {count / await drain(gateway, count):8.0f} messages/s")
        for size, part, count in ((600, 10, 3000), (600, 100, 10000), (64_000, 20, 500)):
            parts = [[message(n, size) for n in range(part)] for _ in range(count // part)]
            started = time.perf_counter()
            for messages in parts:
                await gateway.publish(messages)
            took = time.perf_counter() - started
            print(f"mailbox, batches of {part:3} {count / took:8.0f} messages/s ({size} B)")
            print(f"fetch and ack           {count / await drain(member, count):8.0f} messages/s")
        await member.close()
        await gateway.close()
        started = time.perf_counter()
        await server.stop()
        print(f"server stopped          {(time.perf_counter() - started) * 1000:8.0f} ms")


if __name__ == "__main__":
    if "--uvloop" in sys.argv:
        import uvloop

        uvloop.run(main())
    else:
        asyncio.run(main())
