"""Reads the branch of a workspace as docs/formats.md says, with git and Python's own library alone, and prints it as JSON.

    python3 read_workspace.py <repository> <branch>
"""
import json
import re
import subprocess
import sys

LEDGER_VERSION, FILE_FORMAT, LINE_VERSION = 2, 3, 1
STATUSES = ["queued", "running", "verifying", "stopping", "cancelled", "failed", "succeeded"]
TASK = re.compile(r"\d{8}-\d{6}-[0-9a-z]{6}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")
HEADING = re.compile(r"^( {0,3}(?:(?:[-+*]|\d{1,9}[.)]|>)[ \t]+)*)(#{1,6})(?=[ \t\r]|$)")
ACCOUNT = "<details>\n<summary>Account</summary>\n\n```yaml\n"


def git(*args):
    return subprocess.run(["git", "-C", REPOSITORY, *args], check=True, capture_output=True).stdout.decode("utf-8")


def read(path):
    return git("cat-file", "blob", f"{BRANCH}:{path}")


def unescape(cell):
    def sign(match):
        if match.group(1):
            return chr(int(match.group(1), 16))
        return {"n": "\n", "r": "\r", "t": "\t"}.get(match.group(2), match.group(2))

    return re.sub(r"\\(?:u\{([0-9a-f]{1,6})\}|([nrt\\|<!\[\]`]))", sign, cell)


def rows(text):
    for line in text.split("\n"):
        if not re.fullmatch(r"\s*\|(?:[^\\|]|\\.)*(?:\|(?:[^\\|]|\\.)*)*\|\s*", line):
            continue
        cells = [cell.strip(" \t") for cell in re.findall(r"\|((?:[^\\|]|\\.)*)(?=\|)", line.strip())]
        if len(cells) == 6:
            cells.insert(4, "")
        if len(cells) != 7:
            continue
        time, task, session, run, _, status, detail = (unescape(cell) for cell in cells)
        if not (TIME.fullmatch(time) and TASK.fullmatch(task) and run.isdigit() and status in STATUSES):
            continue
        link = re.fullmatch(r"\[((?:[^\\\[\]]|\\.)*)\]\((?:\.\./)*((?:sessions|archive)/[^)]+)\)", cells[4])
        yield {
            "task": task, "session": session, "run": int(run), "status": status, "detail": detail, "line": line.strip(),
            "title": unescape(link.group(1)) if link else None, "path": link.group(2) if link else None,
        }


def state(ledgers):
    greatest = {}
    for text in ledgers:
        for row in rows(text):
            key = (row["run"], STATUSES.index(row["status"]), row["line"])
            if row["task"] not in greatest or key > greatest[row["task"]][0]:
                greatest[row["task"]] = (key, row)
    return {task: row for task, (_, row) in greatest.items()}


def scalar(text):
    if text[:1] == "'":
        return text[1:-1].replace("''", "'")
    is_json = text[:1] in '"{[' or re.fullmatch(r"null|true|false|-?\d+(\.\d+)?", text)
    return json.loads(text) if is_json else text


def mapping(lines):
    values = {}
    for line in lines:
        key, value = re.fullmatch(r"""("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^:]+): (.*)""", line).groups()
        values.setdefault(scalar(key), scalar(value))
    return values


def unquote(block):
    fence = re.match(r"(`{3,})markdown\n", block)
    if fence:
        return block[fence.end():block.rindex("\n" + fence.group(1))]
    return "\n".join(line[2:] if line.startswith("> ") else line[1:] for line in block.split("\n"))


def headings_up(text, levels):
    lines, fence = [], None
    for line in text.split("\n"):
        mark = re.match(r"[ \t>]*(`{3,}|~{3,})", line)
        closes = bool(mark) and fence is not None and mark.group(1).startswith(fence) and not line[mark.end():].strip()
        is_mark = bool(mark) and (fence is None or closes)
        if fence is None and not is_mark:
            line = HEADING.sub(lambda found: found.group(1) + found.group(2)[levels:], line)
        if is_mark:
            fence = None if fence else mark.group(1)
        lines.append(line)
    return "\n".join(lines)


def quote_at(text):
    """The quote that `text` begins with."""
    fence = re.match(r"(`{3,})markdown\n", text)
    if fence:
        return text[:text.index("\n" + fence.group(1) + "\n", fence.end() - 1) + 1 + len(fence.group(1))]
    return re.match(r"(?:>[^\n]*(?:\n(?=>))?)*", text).group(0)


def task_file(text):
    head, body = text[len("---\n"):].split("\n---\n", 1)
    front = mapping(head.split("\n"))
    if front["format"] > FILE_FORMAT:
        raise SystemExit(f"a task's file is of format {front['format']}")
    start = body.rindex(ACCOUNT) + len(ACCOUNT)
    account = mapping(body[start:body.index("\n```\n", start)].split("\n"))
    prompt = quote_at(body[body.index("## Prompt\n\n") + len("## Prompt\n\n"):])
    rest = body[body.index(prompt) + len(prompt):]
    result = re.search(r"^## Result\n\n(?:\*\*.*\n)+\n", rest, re.MULTILINE)
    answer = quote_at(rest[result.end():]) if result else ""
    return {
        "front": front, "account": account,
        "prompt": headings_up(unquote(prompt), account.get("promptHeadingsDown", 0)),
        "answer": headings_up(unquote(answer), account.get("answerHeadingsDown", 0)) if result else None,
    }


def lines_of(path):
    for line in read(path).split("\n"):
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if value.get("v") == LINE_VERSION:
            yield value, line


def session(folder, paths):
    greatest = {}
    for fact, line in lines_of(f"{folder}/session.jsonl"):
        key = (fact["kind"], fact.get("thread") if fact["kind"] == "usage" else None, fact.get("clone"), fact.get("task") if fact["kind"] == "account" else None)
        greatest[key] = max(greatest.get(key, (-1, "", "")), (fact["n"], fact["time"], line))
    facts = {key[0]: json.loads(line) for key, (_, _, line) in greatest.items()}
    entries = {}
    for path in paths:
        if re.fullmatch(re.escape(folder) + r"/transcript(/[^/]+)?\.jsonl", path):
            for entry, _ in lines_of(path):
                key = (entry["task"], entry["run"], entry["line"], entry["thread"], entry["body"]["kind"] == "context")
                entries.setdefault(key, entry)
    ordered = sorted(entries.values(), key=lambda entry: entry["time"])
    return {
        "thread": facts.get("thread", {}).get("thread"), "archived": facts.get("archived", {}).get("archived", False),
        "transcript": [[entry["task"], entry["run"], entry["body"]["kind"]] for entry in ordered],
    }


def main():
    paths = git("ls-tree", "-r", "--name-only", "-z", BRANCH).split("\0")
    ledger = read("tasks.md")
    version = max([1, *(int(found) for found in re.findall(r"^<!-- codex-inbox ledger v(\d+):", ledger, re.MULTILINE))])
    if version > LEDGER_VERSION:
        raise SystemExit(f"tasks.md is of format {version}")
    tasks = {}
    for task, row in state([ledger, *(read(path) for path in paths if path.startswith("tasks/"))]).items():
        file = task_file(read(row["path"])) if row["path"] else {}
        tasks[task] = {key: row[key] for key in ("session", "run", "status", "title", "path")} | file
    folders = [path[:-len("/session.jsonl")] for path in paths if re.fullmatch(r"sessions/.*/session\.jsonl", path)]
    sessions = {folder[len("sessions/"):]: session(folder, paths) for folder in folders}
    print(json.dumps({"tasks": tasks, "sessions": sessions}))


REPOSITORY, BRANCH = sys.argv[1:3]
main()
