"""One connection of the outside client that stays open: `python connection.py ADDRESS PORT`.

It asks twice a second over it until standard input ends, and prints how many answers it had. A
connection that breaks is not made anew: the process fails.
"""

import http.client
import select
import sys

PAUSE_SECONDS = 0.5
PATIENCE_SECONDS = 30


def main() -> None:
    address, port = sys.argv[1:]
    connection = http.client.HTTPConnection(address, int(port), timeout=PATIENCE_SECONDS)
    connection.connect()
    # Without it http.client would connect again by itself.
    connection.auto_open = False
    answers = 0
    while not select.select([sys.stdin], [], [], PAUSE_SECONDS)[0]:
        connection.request("GET", "/")
        connection.getresponse().read()
        answers += 1
    print(answers)


if __name__ == "__main__":
    main()
