"""`python -m alphamini.web --game gomoku9`: play against the net, or watch it play, in the browser."""

from __future__ import annotations

import contextlib
import errno
from concurrent.futures import ThreadPoolExecutor

from alphamini.interfaces.person import add_options, take_seat
from alphamini.interfaces.table import Table
from alphamini.interfaces.web import Server
from alphamini.options import parser, run_command


def main() -> None:
    options = parser("web", "Play against the net in the browser. The page is for this machine alone.")
    add_options(options)
    options.add_argument("--port", type=int, default=8000, help="of the page's address; 0: any that is free")
    arguments = options.parse_args()
    if not 0 <= arguments.port <= 65535:
        options.error("argument --port: must be from 0 to 65535")
    with ThreadPoolExecutor(1) as pool:
        seat = take_seat(arguments, pool)
        table = Table(seat.session, seat.levels)
        try:
            server = Server(table, arguments.port)
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
            raise ValueError(f"port {arguments.port} is not free; give another one with --port") from None
        print(f"{seat.about}.\nOpen {server.address} in a browser; Ctrl-C ends it.", flush=True)
        with server, contextlib.suppress(KeyboardInterrupt):
            server.serve_forever()
        table.close()  # a thread in machine code would abort the interpreter's end


if __name__ == "__main__":
    run_command(main)
