#!/usr/bin/env python3
"""Recover a file that `secret` encrypted, without `secret`: a second reader of docs/format.md.

    recover.py FILE > wrapped.age              the wrapped data key, a standard age file
    age -d -i KEY wrapped.age > payload        any age implementation opens it
    recover.py FILE payload > restored         the plaintext, byte for byte
    recover.py --values FILE payload           line number and source text of each value

Needs Python 3.11 and the package `cryptography`. On any error nothing is written to standard output.

It authenticates the header, every comment's text, and an opaque file as a whole. It has no parser for the formats, so it
cannot compute a value's place, which the Poly1305 tag covers: values are decrypted without that check. Who could change
the file may have moved, swapped, renamed, removed or altered values and what stands in clear. `secret` itself tells.
"""

import base64, hashlib, hmac, json, re, sys, tomllib
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

EXPECTED = (ArithmeticError, AttributeError, InvalidTag, LookupError, OSError, TypeError, ValueError)  # of damaged files
BOM, CHUNK = b"\xef\xbb\xbf", 65536
DAY_GENERATION = rb"(\d{4}-\d\d-\d\d)\.([1-9]\d{0,9})"
TOKEN = rb"secret-v1\.%s\." + DAY_GENERATION + rb"\.([\w-]+)(?![\w.-])"
COMMENT_CARRIER = re.compile(rb"(?P<prefix>[#;] |)secret/v1 (?:begin|opaque)(?P<end>\r?\n)"
                             rb"(?P<lines>(?:(?P=prefix).*(?P=end))*?)(?P=prefix)secret/v1 end(?P=end)")
JSON_CARRIER = re.compile(rb'(?P<before>[ \t\r\n]*\{)(?P<end>\r?\n)  "\$secret": \{(?P=end)(?P<lines>(?:    ".*(?P=end))+)  \},?')


def demand(condition, what):
    if not condition:
        sys.exit(f"recover.py: {what}")


def hkdf(key, salt, info):  # RFC 5869 for 32 bytes: one block
    return hmac.digest(hmac.digest(salt, key, "sha256"), info + b"\x01", "sha256")


def u32(number):
    return number.to_bytes(4, "big")


def associated_data(*fields):
    return b"".join(bytes([tag]) + u32(len(field)) + field for tag, field in enumerate(fields, start=1))


def b64(text):
    raw = base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    demand(base64.urlsafe_b64encode(raw).rstrip(b"=") == text, "base64 is not canonical")
    return raw


def toml_line(line):  # section 2: a field of the JSON carrier in its TOML form
    name, value = re.fullmatch(r'    ("(?:[^"\\]|\\.)*"): (.*?),?', line).groups()
    name = json.loads(name)
    if name == "wrapped_key":
        return 'wrapped_key = """\n' + json.loads(value) + '"""'
    table, dot, rest = name.partition(".")
    if dot and not re.fullmatch(r"[A-Za-z0-9_-]+", rest):
        rest = spelled(rest)
    if table == "values":
        value = "{ " + ", ".join(f"{key} = {said(part)}" for key, part in json.loads(value).items()) + " }"
    return f"{table}{dot}{rest} = {value}"


def said(part):  # section 3: a text, or a list of texts
    return spelled(part) if isinstance(part, str) else "[" + ", ".join(map(spelled, part)) + "]"


def spelled(text):  # section 3: a text
    escape = "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]"
    return '"' + re.sub(escape, lambda c: f"\\u{ord(c[0]):04x}", re.sub(r'(["\\])', r"\\\1", text)) + '"'


def split(file):
    """Sections 2 and 3: returns the byte order mark, the header's TOML text, and the body."""
    mark = BOM if file.startswith(BOM) else b""
    rest = file[len(mark):]
    demand(not re.match(rb'(?:[#;] |)secret/v(?!1 )\d|\s*\{\s*"\$secret": \{\s*"version": (?!1\b)\d', rest), "a newer version of the format")
    if found := COMMENT_CARRIER.match(rest):
        lines = [line.removeprefix(found["prefix"]) for line in found["lines"].split(found["end"])]
        return mark, b"\n".join(lines).decode(), rest[found.end():]
    found = JSON_CARRIER.match(rest)
    demand(found, "this is no file that secret encrypted")
    lines = [toml_line(line) for line in found["lines"].decode().splitlines()]
    return mark, "".join(line + "\n" for line in lines), found["before"] + rest[found.end():]


def data_key(payload, header, text):
    """Section 4: checks the payload against the header, and returns the data key."""
    recipients = "".join(line + "\n" for line in text.split("\n") if line.startswith("recipients."))
    continuity, data_key = payload[14:46], payload[50:82]
    demand(len(payload) == 146 and payload[:10] == b"secret/v1\n", "this is no payload of a wrapped key")
    demand(payload[10:14] == u32(header["version"]), "payload and header differ in the version")
    demand(hkdf(continuity, b"", b"secret/v1 file id")[:16].hex() == header["file_id"], "the payload belongs to another file")
    demand(payload[46:50] == u32(header["generation"]), "payload and header differ in the generation")
    demand(payload[114:] == hashlib.sha256(recipients.encode()).digest(), "payload and header differ in the recipients")
    return data_key


def unpad(padded):
    text = padded.rstrip(b"\0")
    demand(text.endswith(b"\x80") and len(padded) == bucket(len(text)), "wrong padding: a wrong key, or a changed token")
    return text[:-1]


def bucket(size):
    if size <= 256:
        return max(32, 1 << (size - 1).bit_length())
    exponent = size.bit_length() - 1
    step = 1 << (exponent - exponent.bit_length())
    return -(-size // step) * step


def open_opaque(body, keys, header):
    """Section 8."""
    line, _, sealed = body.partition(b"\n")
    token = re.fullmatch(TOKEN % b"o", line)
    demand(token and int(token[2]) <= header["generation"] and "body" not in header, "the body's first line is wrong")
    file_id, salt, chunks = bytes.fromhex(header["file_id"]), b64(token[3]), sealed[:-4]
    place = hashlib.sha256(associated_data(u32(1), file_id, b"o", token[1], u32(int(token[2])))).digest()
    checksum = hashlib.sha256(b"secret/v1 checksum" + place + salt + chunks).digest()[:4]
    demand(len(salt) == 24 and sealed[-4:] == checksum, "wrong checksum: the body was changed or cut")
    aead = ChaCha20Poly1305(hkdf(keys("body"), salt, b"secret/v1 body"))
    starts = range(0, len(chunks), CHUNK + 16)
    nonces = [number.to_bytes(11, "big") + bytes([start == starts[-1]]) for number, start in enumerate(starts)]
    return unpad(b"".join(aead.decrypt(n, chunks[s:s + CHUNK + 16], place) for n, s in zip(nonces, starts)))


def open_token(kind, day, generation, content, keys, header, ids):
    """Section 6: returns the source text; only a comment's tag can be checked."""
    raw = b64(content)
    salt, sealed = raw[:24], raw[24:-4]
    demand(len(sealed) >= 48 and 1 <= int(generation) <= header["generation"], "a token's generation or length is wrong")
    demand(salt[:8] not in ids, "two tokens have the same id")
    ids.add(salt[:8])
    key = hkdf(keys("comment" if kind == b"c" else "leaf"), salt, b"secret/v1 token")
    if kind == b"c":
        place = associated_data(u32(1), bytes.fromhex(header["file_id"]), kind, day, u32(int(generation)))
        return unpad(ChaCha20Poly1305(key).decrypt(bytes(12), sealed, hashlib.sha256(place).digest()))
    keystream = algorithms.ChaCha20(key, u32(1)[::-1] + bytes(12))  # block 0 is the one-time key of Poly1305
    return unpad(Cipher(keystream, None).decryptor().update(sealed[:-16]))


def open_values(body, keys, header):
    """Puts the source texts in the tokens' places; returns the plaintext and each value with its line."""
    quote = b'"' if header["format"] in ("json", "toml") else b""
    token = re.compile(rb"(?<=[#;])" + TOKEN % b"(c)" + b"|" + quote + TOKEN % b"([vb])" + quote)
    ids, values = set(), []

    def opened(found):
        parts = [part for part in found.groups() if part is not None]
        text = open_token(*parts, keys, header, ids)
        if parts[0] != b"c":
            values.append((body.count(b"\n", 0, found.start()), text))
        return text

    return token.sub(opened, body), values


def main(arguments):
    listed = "--values" in arguments
    names = [name for name in arguments if name != "--values"]
    demand(len(names) in (1, 2), "usage: recover.py [--values] FILE [PAYLOAD]")
    file, *payload = [open(name, "rb").read() for name in names]
    mark, text, body = split(file)
    header = tomllib.loads(text)
    if not payload:
        return header["wrapped_key"].encode()
    key, file_id = data_key(payload[0], header, text), bytes.fromhex(header["file_id"])
    keys = lambda label: hkdf(key, file_id, b"secret/v1 " + label.encode())
    salt, mac = (b64(part.encode()) for part in header["mac"].split("."))
    authenticated = text[:text.rindex("mac = ")].encode()
    demand(len(salt) == 16 and hmac.compare_digest(mac, hmac.digest(keys("header mac"), salt + mark + authenticated, "sha256")),
           "the header's MAC is wrong: the header was changed")
    if header["mode"] == "opaque":
        demand(not listed, "an opaque file has no values of its own")
        return open_opaque(body, keys, header)
    plaintext, values = open_values(body, keys, header)
    demand(bool(values) != ("body" in header), "all values were removed, or some were added")
    print("recover.py: not authenticated: the places, order and completeness of the values, and what stands in clear", file=sys.stderr)
    first = file.count(b"\n") - body.count(b"\n") + 1
    return b"".join(b"%d\t%s\n" % (line + first, text) for line, text in values) if listed else mark + plaintext


if __name__ == "__main__":
    try:
        sys.stdout.buffer.write(main(sys.argv[1:]))
    except EXPECTED as error:
        sys.exit(f"recover.py: {type(error).__name__} {error}")
