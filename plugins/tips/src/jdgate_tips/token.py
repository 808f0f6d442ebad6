"""`jdgate-tip-token`: fresh receipt tokens, one for each tip, to be handed over on a slip.

A token is all that anybody ever needs: to ask how the tip stands, and to be paid. It is drawn by
chance and made from nothing, least of all from whoever gave the tip. 100 bits can't be guessed;
the signs leave out I, L, O and U, which are misread.

    $ jdgate-tip-token 2
    7QF2M9XKT0VWA3H8C5RD
    N4ZB6G1JYSE0PX72KQMT
"""

from __future__ import annotations

import secrets

import click

SIGNS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 20


def fresh() -> str:
    """A token that nobody had before."""
    return "".join(secrets.choice(SIGNS) for _ in range(LENGTH))


@click.command()
@click.argument("count", type=click.IntRange(1, 100), default=1)
def main(count: int) -> None:
    """生成回执码，一条线索一个。 Fresh receipt tokens, one for each tip."""
    for _ in range(count):
        click.echo(fresh())
