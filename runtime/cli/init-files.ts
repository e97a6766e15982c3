// What `aisle init` writes: the least that shows a script, a person, and what one waits for.

export interface StartFile {
  /** Path within the site's folder. */
  readonly name: string;
  readonly text: string;
  readonly mode: number;
  /** What it is, in a line. */
  readonly about: string;
}

const PLAN = `# Who does what, once what is true. 'aisle run --dry-run' says what would start, and why the rest would not.
version: 1
pages:
  samples:
    keys: [sample] # what names a record
    ready: true # work begins as soon as there is one
actors:
  - goal: measured # by scripts/measured
  - goal: approved # by a person, who writes 1
    person: true
    prerequisites: [measured]
  - goal: reported # by scripts/reported
    prerequisites: [approved]
`;

const MEASURED = `#!/bin/sh
# Measures a sample: $1 is its key. What is written into the file $AISLE_RESULT, a JSON object, becomes fields of the
# record. Exit 0: done. Exit 75: to be tried again. Any other: failed.
set -eu
echo "measuring $1"
printf '{ "length": %d }\\n' "\${#1}" >"$AISLE_RESULT"
`;

const REPORTED = `#!/bin/sh
# Reports a sample that was approved: its record comes as JSON on standard input.
set -eu
record=$(cat)
echo "reporting $1: $record"
printf '{ "reported_at": "%s" }\\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" >"$AISLE_RESULT"
`;

const SAMPLES = `sample,note
S-1,from the north side
S-2,
S-30,"twice as long, they say"
`;

export const START_FILES: readonly StartFile[] = [
  { name: "plan.yml", text: PLAN, mode: 0o644, about: "who does what, once what is true" },
  { name: "scripts/measured", text: MEASURED, mode: 0o755, about: "does the first goal" },
  { name: "scripts/reported", text: REPORTED, mode: 0o755, about: "does the last, once you have approved" },
  { name: "samples.csv", text: SAMPLES, mode: 0o644, about: "records to begin with" },
];
