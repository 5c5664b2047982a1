"""What holds for all tests."""

import signal

# A shell that runs this in the background ignores Ctrl-C for it, and so would the programs that tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)
