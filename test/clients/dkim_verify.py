"""Verifies signatures with dkimpy; for /usr/bin/python3 with python3-dkim.

Arguments: dkim|arc keys folder. `keys` has a line per record: name, a space, the text. Prints JSON: for each file of the folder what became
of each DKIM signature (true, false or the trouble), or of the ARC chain.
"""
import glob, json, os, sys
import dkim

what, keys, folder = sys.argv[1:4]
records = {}
with open(keys, "rb") as handle:
    for line in handle.read().splitlines():
        name, _, text = line.partition(b" ")
        records[name.lower()] = text

def get_txt(name, timeout=5):
    if isinstance(name, str):
        name = name.encode()
    return records.get(name.rstrip(b".").lower())

report = {}
for path in sorted(glob.glob(os.path.join(folder, "*.eml"))):
    with open(path, "rb") as handle:
        data = handle.read()
    results = []
    if what == "arc":
        try:
            cv, sets, reason = dkim.arc_verify(data, dnsfunc=get_txt)
            results = [cv.decode() if cv else None, reason]
        except Exception as error:
            results = ["trouble", repr(error)]
    else:
        head = data.partition(b"\r\n\r\n")[0]
        count = sum(1 for line in head.split(b"\r\n") if line.lower().startswith(b"dkim-signature:"))
        for i in range(count):
            try:
                results.append(dkim.DKIM(data).verify(idx=i, dnsfunc=get_txt))
            except Exception as error:
                results.append(repr(error))
    report[os.path.basename(path)] = results
print(json.dumps(report))
