"""Scores worked out in the plainest way: every name against every name, by definitions alone."""

from compliance.screening.names import parts_of

CODES = {
    **dict.fromkeys("BFPV", "1"), **dict.fromkeys("CGJKQSXZ", "2"), **dict.fromkeys("DT", "3"),
    "L": "4", **dict.fromkeys("MN", "5"), "R": "6",
}  # fmt: skip


def soundex(word):
    """The National Archives' rules: H and W do not part letters of one code, vowels do."""
    if not word.isalpha():
        return word
    code, last = word[0], CODES.get(word[0], "")
    for letter in word[1:]:
        digit = CODES.get(letter, "")
        if digit and digit != last:
            code += digit
        if letter not in "HW":
            last = digit
    return (code + "000")[:4]


def jaro(a, b):
    if not a or not b:
        return 0.0
    reach = max(max(len(a), len(b)) // 2 - 1, 0)
    used = [False] * len(b)
    common_a = []
    for i, letter in enumerate(a):
        for j in range(max(0, i - reach), min(len(b), i + reach + 1)):
            if not used[j] and b[j] == letter:
                used[j] = True
                common_a.append(letter)
                break
    common_b = [letter for letter, is_used in zip(b, used, strict=True) if is_used]
    m = len(common_a)
    if not m:
        return 0.0
    turned = sum(x != y for x, y in zip(common_a, common_b, strict=True)) // 2
    return (m / len(a) + m / len(b) + (m - turned) / m) / 3


def jaro_winkler(a, b):
    """Winkler's bonus for a common beginning of up to 4 letters, of what is alike by 0.7."""
    score = jaro(a, b)
    if score <= 0.7:
        return score
    same = 0
    while same < min(4, len(a), len(b)) and a[same] == b[same]:
        same += 1
    return score + same * 0.1 * (1 - score)


def distance(a, b):
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (x != y))
    return row[-1]


def half_alike(a, b):
    return 2 * distance(a, b) <= max(len(a), len(b))


def hundredths(score):
    return round(score * 10_000)


def score(asked, listed):
    """Of two names; 0 where neither technique compares them."""
    ours, theirs = parts_of(asked), parts_of(listed)
    a, b = " ".join(ours), " ".join(theirs)
    letters = {part[0] for part in ours}
    whole = 0
    if half_alike(a, b) and any(part[0] in letters for part in theirs):
        whole = hundredths(jaro_winkler(a, b))
    total = sum(max((part_score(part, there) for there in theirs), default=0) for part in ours)
    return max(whole, total // len(ours))


def part_score(a, b):
    if a[0] != b[0] or not half_alike(a, b):
        return 0
    points = hundredths(jaro_winkler(a, b))
    return points + (10_000 - points) // 2 if soundex(a) == soundex(b) else points


def scores(asked, lists):
    """The best score of each entry, by (source, number)."""
    return {
        (one.source, entry.number): max(score(asked, name) for name in entry.names)
        for one in lists
        for entry in one.entries
    }
