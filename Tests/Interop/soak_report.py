# SPDX-License-Identifier: Apache-2.0
"""What a run of `mtproto soak` over the cable says, in a line. Ends with 1 when a query was not answered, or too late.

A file of moments, lines "lost TIME" and "back TIME" in seconds since 1970, says what happened to the network meanwhile.
"""

import argparse
import json
import sys


def first_answer(moments, report):
    """When the first answer came behind the loss of the path; None when the path was not lost, as far as soak can tell."""
    middle = (moments["lost"] + moments["back"]) / 2
    for gap in report["gaps"]:
        begin = report["began"] + gap["from"]
        if begin <= middle < begin + gap["seconds"]:
            return begin + gap["seconds"]
    return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("report", help="what soak has printed")
    parser.add_argument("moments")
    parser.add_argument("states", help="what soak has told of states")
    parser.add_argument("--packets", nargs=2, type=int, metavar=("ALL", "LOST"))
    parser.add_argument("--loss", type=float, help="the fraction of them that had to be lost")
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--limit", type=float, required=True, help="seconds from the path's return to an answer")
    options = parser.parse_args()
    with open(options.report) as file:
        report = json.loads(file.read().splitlines()[-1])
    with open(options.moments) as file:
        moments = {name: float(time) for name, time in map(str.split, file)}
    with open(options.states) as file:
        states = [words[1] for words in map(str.split, file) if len(words) == 2]

    answered = report["answered"]
    good = answered == report["count"] == options.count and not report["failures"]
    text = [f"{answered} of {options.count} answered in {report['seconds']:.1f} s"]
    if report["failures"]:
        text.append(", ".join(f"{count} {cause}" for cause, count in report["failures"].items()))
    if moments:
        answer = first_answer(moments, report)
        if answer is None:
            text.append("the path was not lost while queries were asked")
            good = False
        else:
            # The script needs a moment to note that the path is back.
            after = max(answer - moments["back"], 0)
            text.append(f"first answer {answer - moments['lost']:.2f} s after path lost, {after:.2f} s after path back")
            if after > options.limit:
                text.append(f"more than {options.limit:g} s")
                good = False
    else:
        text.append(f"longest time without {max([gap['seconds'] for gap in report['gaps']], default=0):.2f} s")
    text.append(f"states {' '.join(states)}")
    packets, lost = options.packets
    text.append(f"{lost / max(packets, 1):.1%} of {packets} packets lost")
    if options.loss is not None and abs(lost / max(packets, 1) - options.loss) > 0.05:
        text.append(f"not {options.loss:.0%}")
        good = False
    print("; ".join(text))
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
