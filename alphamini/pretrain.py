"""`python -m alphamini.pretrain --game gomoku9`: the supervised stage alone."""

from __future__ import annotations

from alphamini.learn.command import how_to_go_on, open_run, run_parser, stop_on_signals
from alphamini.learn.teachers import get_teacher
from alphamini.options import run_command
from games import get


def main() -> None:
    options, defaults = run_parser(
        "pretrain", "Plays scripted games and trains a net to imitate the teacher.", skip=("from_scratch", "start")
    )
    arguments = options.parse_args()
    get_teacher(get(arguments.game))  # the line that says so where there is none
    loop = open_run(arguments, defaults)
    folder = loop.folder
    if loop.baseline != "supervised":
        raise ValueError(f"{folder.path} is a run without a supervised stage; choose another --run")
    stop_on_signals(loop)
    if loop.supervised:
        print(f"the supervised stage of {folder.path} is over")
    else:
        loop.pretrain()
    if not loop.supervised:
        print(how_to_go_on("pretrain", folder))
        return
    print(f"the net: {folder.checkpoints / 'supervised.safetensors'}")


if __name__ == "__main__":
    run_command(main)
