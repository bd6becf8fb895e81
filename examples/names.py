"""Answers from first names, in a table that ``genderscope compare`` reads.

    pip install gender-guesser                  # GPL-3.0, not part of this package
    python examples/names.py people.csv names.csv --column name

The table of people has the columns ``file``, ``label`` and the given column of full names. The new
table belongs beside it, since its files are relative to the same folder.
"""

import argparse
import csv
from pathlib import Path

from gender_guesser.detector import Detector

PREDICTIONS = {
    "male": "man",
    "mostly_male": "man",
    "female": "woman",
    "mostly_female": "woman",
    "andy": "uncertain",  # androgynous: as many women as men have the name
    "unknown": "",  # no answer
}


def main() -> None:
    parser = argparse.ArgumentParser(description="Answers from first names.")
    parser.add_argument("people", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--column", default="name")
    arguments = parser.parse_args()
    guess = Detector(case_sensitive=False).get_gender
    with (
        arguments.people.open(newline="", encoding="utf-8-sig") as people,
        arguments.out.open("w", newline="", encoding="utf-8") as out,
    ):
        table = csv.writer(out)
        table.writerow(["file", "label", "prediction"])
        for row in csv.DictReader(people):
            names = row[arguments.column].replace("_", " ").split()
            answer = PREDICTIONS[guess(names[0])] if names else ""
            table.writerow([row["file"], row["label"], answer])


if __name__ == "__main__":
    main()
