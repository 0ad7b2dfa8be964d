"""Fills an account as its user's clients would: argv has host, IMAP port, login, password, and `later` for what happens before the move."""
import imaplib
import sys

host, port, login, password, *when = sys.argv[1:]


def ok(answer):
    assert answer[0] == "OK", answer
    return answer[1]


def mail(number):
    more = "From ann@example.test Mon Jan  1 10:00:00 2024\r\n" if number == 4 else ""
    return (
        f"From: a@example.test\r\nSubject: m{number}\r\nDisposition-Notification-To: a@example.test\r\n"
        f"Message-ID: <{number}@example.test>\r\n\r\n.dot\r\n\r\n{more}Grüße {number}\r\n" + "x" * 70 + "\r\n"
    ).encode()


def append(name, flags, at, message):
    ok(client.append('"%s"' % name, flags, imaplib.Time2Internaldate(at), message))


client = imaplib.IMAP4(host, int(port))
ok(client.login(login, password))
if not when:
    for name in ["Work", "Work2/2024", "B&APw-ro", "Sent"]:
        ok(client.create('"%s"' % name))
        ok(client.subscribe('"%s"' % name))
    flags = ["(\\Seen $MDNSent Important)", "(\\Flagged)", None, "(\\Answered \\Seen)"]
    for number in range(20):
        append("INBOX", flags[number % 4], 1_500_000_000 + number * 86_400, mail(number))
    append("Work2/2024", "(\\Draft \\Seen)", 1_400_000_000, mail(100))
    append("B&APw-ro", "(kw1 kw2)", 1_400_000_001, mail(101))
    append("Sent", "(\\Seen)", 1_400_000_002, mail(102) + b"z" * 300_000 + b"\r\n")
    ok(client.select("INBOX"))
    ok(client.store("3,7,20", "+FLAGS", "\\Deleted"))
    ok(client.expunge())
    ok(client.store("2", "+FLAGS", "\\Deleted"))
else:
    for number in range(200, 205):
        append("INBOX", "(later)", 1_600_000_000 + number, mail(number))
    append("Work", None, 1_600_000_000, mail(300))
    ok(client.select("INBOX"))
    ok(client.store("1", "-FLAGS", "\\Seen"))
    ok(client.store("4", "+FLAGS", "(\\Seen $Forwarded)"))
client.logout()
