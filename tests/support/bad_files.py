"""Stack files that the engine, or the program after it, must refuse as a whole."""

from .mistakes import PREFIX

BROKEN = {
    "duplicate key": f"config:\n  {PREFIX}protect: true\n  {PREFIX}protect: false\n",
    "yes": f"config:\n  {PREFIX}protect: yes\n",
    "tab": f"config:\n\t{PREFIX}protect: true\n",
    "unclosed quote": f'config:\n  {PREFIX}location: "europe\n',
    "conflict markers": f"<<<<<<< HEAD\nconfig:\n  {PREFIX}protect: true\n=======\n>>>>>>> other\n",
    "recursive alias": f"config:\n  {PREFIX}labels: &a\n    x: *a\n",
    "config as a list": f"config:\n  - {PREFIX}protect\n",
    "a list": "- config\n",
    "a word": "config\n",
    "numeric key": "config:\n  5: x\n",
    "not a number": f"config:\n  {PREFIX}labels:\n    x: .nan\n",
    "half a character": f'config:\n  {PREFIX}location: "\\ud800"\n',
    "a number as a label": f"config:\n  {PREFIX}labels:\n    5: 6\n",
    "a time": f"config:\n  {PREFIX}maintenanceWindow: {{start: 2026-01-03T05:00:00Z}}\n",
    "no value": f"config:\n  {PREFIX}models:\n",
    "a tag": f"config:\n  {PREFIX}tpuSlice: !Tag v5\n",
    "a word for a number": f"config:\n  {PREFIX}tpuMaxNodes: many\n",
    "not text": b"config:\n  \xff\xfe: 1\n",
}
