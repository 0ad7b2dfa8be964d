"""Compares messages before and after their conversion to 7 bits, as Python's email package reads them.

Usage: seven_bit.py FOLDER     for every NAME.eml there is a NAME.out
Prints a JSON list of [name, complaint].
"""
import email
import email.policy
import json
import os
import sys


def leaves(message, path="root"):
    """(path, type, content) of every part that holds no others."""
    if message.is_multipart() and message.get_content_type() != "message/delivery-status":
        for n, part in enumerate(message.get_payload()):
            yield from leaves(part, "%s.%d" % (path, n))
    elif message.is_multipart():
        yield path, message.get_content_type(), message.as_bytes()
    else:
        # A line end at the very end belongs to no part; SMTP adds one where there is none.
        yield path, message.get_content_type(), (message.get_payload(decode=True) or b"").rstrip(b"\r\n")


def bodies(raw):
    return list(leaves(email.message_from_bytes(raw, policy=email.policy.compat32)))


def over_127_in_bodies(message):
    """Leaves whose octets are not 7-bit: header fields may hold raw text."""
    if message.is_multipart():
        return any(over_127_in_bodies(part) for part in message.get_payload())
    text = message.get_payload()
    return isinstance(text, str) and not text.isascii()


failures = []
folder = sys.argv[1]
for name in sorted(os.listdir(folder)):
    if not name.endswith(".eml"):
        continue
    with open(os.path.join(folder, name), "rb") as file:
        before = file.read()
    with open(os.path.join(folder, name[:-4] + ".out"), "rb") as file:
        after = file.read()
    old, new = bodies(before), bodies(after)
    if [part[:2] for part in old] != [part[:2] for part in new]:
        failures.append([name, "other parts: %s, %s" % ([p[:2] for p in old], [p[:2] for p in new])])
    for (path, kind, was), (_, _, now) in zip(old, new):
        if was != now:
            at = next((i for i, (a, b) in enumerate(zip(was, now)) if a != b), min(len(was), len(now)))
            failures.append([name, "%s %s differs at %d: %r, %r" % (path, kind, at, was[at : at + 40], now[at : at + 40])])
    if over_127_in_bodies(email.message_from_bytes(after)):
        failures.append([name, "a body is still not 7-bit"])
print(json.dumps(failures))
