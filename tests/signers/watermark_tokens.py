"""Makes watermark tokens (ETSI TS 104 002) with two libraries published for Python, neither ours.

`watermark_tokens.py vectors` prints the vectors of watermark_tokens.json. ECDSA signs with fresh
randomness, so each run gives other signatures, which are as good.

`watermark_tokens.py sign` reads a JSON array of cases on stdin and prints the tokens made for them:
{"library": "cwt" or "pycose", "algorithm": "hmac" or "es256", "claims": {"4": 99, "304": {"hex": "0a"}}}

`watermark_tokens.py check` reads a JSON array of {"library", "algorithm", "token"}, and prints the
claims of each, or {"error": text} where the library refuses the token.

Needs the packages of tests/watermarks/requirements.txt.
"""

import base64
import json
import sys

import cbor2
from cwt import COSE, COSEHeaders, COSEKey, Recipient
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding, NoEncryption, PrivateFormat, PublicFormat,
)
from pycose.algorithms import A128GCM, EcdhSsA128KW, Es256, HMAC256, HMAC25664, HMAC512
from pycose.headers import IV, KID, Algorithm, Critical, PartyUNonce, StaticKey
from pycose.keys import EC2Key, SymmetricKey
from pycose.keys.curves import P256
from pycose.messages import CoseMessage, Enc0Message, EncMessage, Mac0Message, Sign1Message
from pycose.messages.recipient import KeyAgreementWithKeyWrap

NOW = 1_800_000_000
SECRET = bytes(range(32))
OTHER_SECRET = bytes(range(1, 33))
PATTERN_SECRET = bytes(range(16))
NUMBER = int.from_bytes(b"a private key made up for tests!", "big") % (2**255)
PRIVATE = ec.derive_private_key(NUMBER, ec.SECP256R1())
NUMBERS = PRIVATE.public_key().public_numbers()
POINT = PRIVATE.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
PKCS8 = PRIVATE.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
PEM = PRIVATE.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
PUBLIC_PEM = PRIVATE.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

PATTERN = bytes.fromhex("0a0b0c0d")
CLAIMS = {4: NOW + 60, 6: NOW - 60, 300: 1, 301: 7, 302: 32, 304: PATTERN}


def text(token):
    return base64.urlsafe_b64encode(token).rstrip(b"=").decode()


def with_cwt(claims, algorithm, kid=None, tagged=False):
    """By `cwt`: the payload in canonical form."""
    payload = cbor2.dumps(claims, canonical=True)
    if algorithm == "hmac":
        key = COSEKey.from_symmetric_key(SECRET, alg="HS256", kid=kid or b"")
        encode = COSE.new().encode_and_mac
    else:
        key = COSEKey.from_pem(PEM, alg="ES256", kid=kid or b"")
        encode = COSE.new().encode_and_sign
    protected = {COSEHeaders.ALG: key.alg}
    unprotected = {COSEHeaders.KID: kid} if kid else {}
    token = encode(payload, key, protected, unprotected)
    return cbor2.dumps(cbor2.CBORTag(61, cbor2.loads(token))) if tagged else token


def with_pycose(claims, algorithm, kid=None, phdr=None, uhdr=None, secret=SECRET, alg=None):
    """By `pycose`: the payload in the order given."""
    payload = claims if isinstance(claims, bytes) else cbor2.dumps(claims)
    uhdr = {**(uhdr or {}), **({KID: kid} if kid else {})}
    if algorithm == "hmac":
        phdr = {Algorithm: alg or HMAC256} if phdr is None else phdr
        message = Mac0Message(phdr=phdr, uhdr=uhdr, payload=payload)
        message.key = SymmetricKey(k=secret)
    else:
        phdr = {Algorithm: Es256} if phdr is None else phdr
        message = Sign1Message(phdr=phdr, uhdr=uhdr, payload=payload)
        message.key = ec2_key()
    return message.encode()


def ec2_key():
    x, y, d = (number.to_bytes(32, "big") for number in (NUMBERS.x, NUMBERS.y, NUMBER))
    return EC2Key(crv=P256, x=x, y=y, d=d)


def sealed(pattern, key=PATTERN_SECRET, kid=None, tag=True, alg=A128GCM):
    uhdr = {IV: bytes(12), **({KID: kid} if kid else {})}
    message = Enc0Message(phdr={Algorithm: alg}, uhdr=uhdr, payload=pattern)
    message.key = SymmetricKey(k=key)
    return cbor2.loads(message.encode(tag=tag))


SENDER = ec.derive_private_key(12345678901234567890, ec.SECP256R1())


def pair(private):
    public = private.public_key().public_numbers()
    return tuple(number.to_bytes(32, "big") for number in (public.x, public.y))


def exchanged(pattern, kid=b"e1", nonce=b"nonce of sender.", receiver=PRIVATE):
    """By `pycose`: encrypted for the key pair of whoever reads it."""
    (x, y), (own_x, own_y) = pair(SENDER), pair(receiver)
    number = SENDER.private_numbers().private_value.to_bytes(32, "big")
    uhdr = {StaticKey: EC2Key(crv=P256, x=x, y=y), KID: kid}
    recipient = KeyAgreementWithKeyWrap(
        phdr={Algorithm: EcdhSsA128KW}, payload=PATTERN_SECRET,
        uhdr={**uhdr, **({PartyUNonce: nonce} if nonce else {})})
    recipient.local_attrs = {StaticKey: EC2Key(crv=P256, x=own_x, y=own_y)}
    recipient.key = EC2Key(crv=P256, x=x, y=y, d=number)
    message = EncMessage(phdr={Algorithm: A128GCM}, uhdr={IV: bytes(12)}, payload=pattern,
                         recipients=[recipient])
    return cbor2.loads(message.encode())


def exchanged_by_cwt(pattern):
    """By `cwt`, which lets the context of the derivation be empty."""
    pem = SENDER.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    recipient = Recipient.new(
        protected={COSEHeaders.ALG: -32}, unprotected={COSEHeaders.KID: b"e1"},
        sender_key=COSEKey.from_pem(pem, alg="ECDH-SS+A128KW"),
        recipient_key=COSEKey.from_pem(PUBLIC_PEM, alg="ECDH-SS+A128KW"),
        context={"alg": "A128KW", "supp_pub": {"protected": {1: -32}}})
    key = COSEKey.from_symmetric_key(PATTERN_SECRET, alg="A128GCM")
    headers = {"protected": {1: 1}, "unprotected": {5: bytes(12)}}
    return cbor2.loads(COSE.new().encode(pattern, key, recipients=[recipient], **headers))


def changed(**claims):
    """The usual claims, with `_304=None` for one taken out."""
    now = dict(CLAIMS)
    for key, value in claims.items():
        key = int(key.strip("_"))
        now.pop(key, None)
        if value is not None:
            now[key] = value
    return now


def spoilt(token):
    return token[:-1] + bytes([token[-1] ^ 1])


def vectors():
    ok = {"pattern": PATTERN.hex(), "bits": 32, "vendor": 7}
    accepted = [
        ("cwt, HMAC", with_cwt(CLAIMS, "hmac")),
        ("cwt, HMAC, a key's name", with_cwt(CLAIMS, "hmac", kid=b"k1")),
        ("cwt, HMAC, the CWT tag", with_cwt(CLAIMS, "hmac", tagged=True)),
        ("cwt, ES256", with_cwt(CLAIMS, "es256")),
        ("cwt, ES256, a key's name, the CWT tag", with_cwt(CLAIMS, "es256", b"k1", tagged=True)),
        ("pycose, HMAC", with_pycose(CLAIMS, "hmac")),
        ("pycose, HMAC, a key's name", with_pycose(CLAIMS, "hmac", kid=b"k1")),
        ("pycose, ES256", with_pycose(CLAIMS, "es256")),
        ("pycose, claims in another order", with_pycose(dict(reversed(CLAIMS.items())), "hmac")),
        ("pycose, all claims of RFC 8392", with_pycose(
            changed(_1="maker", _2="7", _5=NOW, _7=b"\x01", _303=[60000, 10000]), "hmac")),
        ("pycose, more claims than known", with_pycose(changed(_999={"x": 1}, _8=None), "es256")),
        ("pycose, fractions of seconds", with_pycose(changed(_4=NOW + 0.9 + 1, _6=NOW - .5), "hmac")),
        ("pycose, encrypted pattern", with_pycose(changed(_304=sealed(PATTERN)), "hmac")),
        ("pycose, encrypted pattern, untagged, a key's name", with_pycose(
            changed(_304=sealed(PATTERN, kid=b"p1", tag=False)), "es256")),
        ("pycose, for the edge's key pair", with_pycose(changed(_304=exchanged(PATTERN)), "hmac")),
        ("pycose, for the edge's key pair, no nonce, untagged", with_pycose(
            changed(_304=exchanged(PATTERN, nonce=None).value), "es256")),
        ("cwt, for the edge's key pair", with_cwt(
            changed(_304=exchanged_by_cwt(PATTERN)), "hmac")),
    ]
    twice = b"\xa7" + cbor2.dumps(CLAIMS)[1:] + b"\x04\x1a\xff\xff\xff\xff"
    refused = [
        ("spoilt tag", spoilt(with_cwt(CLAIMS, "hmac")), "wm_token_signature"),
        ("spoilt signature", spoilt(with_pycose(CLAIMS, "es256")), "wm_token_signature"),
        ("another secret", with_pycose(CLAIMS, "hmac", secret=OTHER_SECRET), "wm_token_signature"),
        ("no algorithm", with_pycose(CLAIMS, "hmac", phdr={}, uhdr={Algorithm: HMAC256}),
         "wm_token_algorithm"),
        ("HMAC 256/64", with_pycose(CLAIMS, "hmac", alg=HMAC25664), "wm_token_algorithm"),
        ("HMAC 512/512", with_pycose(CLAIMS, "hmac", alg=HMAC512),
         "wm_token_algorithm"),
        ("unknown key", with_pycose(CLAIMS, "hmac", kid=b"k2"), "wm_token_unknown_key"),
        ("critical header", with_pycose(
            CLAIMS, "hmac", phdr={Algorithm: HMAC256, Critical: [4]}), "wm_token_critical_header"),
        ("no exp", with_pycose(changed(_4=None), "hmac"), "wm_token_no_expiry"),
        ("no iat", with_pycose(changed(_6=None), "hmac"), "wm_token_no_issued_at"),
        ("expired", with_pycose(changed(_4=NOW), "hmac"), "wm_token_expired"),
        ("expired by a fraction", with_pycose(changed(_4=NOW + .5), "hmac"), "wm_token_expired"),
        ("iat in the future", with_pycose(changed(_6=NOW + 1), "hmac"), "wm_token_from_future"),
        ("nbf in the future", with_pycose(changed(_5=NOW + 1), "hmac"), "wm_token_not_yet_valid"),
        ("a text as exp", with_pycose(changed(_4=str(NOW + 60)), "hmac"), "wm_token_claim_malformed"),
        ("an endless exp", with_pycose(changed(_4=float("inf")), "hmac"), "wm_token_claim_malformed"),
        ("no vendor", with_pycose(changed(_301=None), "hmac"), "wm_token_claim_missing"),
        ("vendor 256", with_pycose(changed(_301=256), "hmac"), "wm_token_claim_malformed"),
        ("version 2", with_pycose(changed(_300=2), "hmac"), "wm_token_version"),
        ("no pattern", with_pycose(changed(_304=None), "hmac"), "wm_token_no_pattern"),
        ("both ways", with_pycose(changed(_305="x", _306=1, _307=1), "hmac"), "wm_token_no_pattern"),
        ("half a derivation", with_pycose(changed(_304=None, _305="x"), "hmac"),
         "wm_token_no_pattern"),
        ("nobody derives", with_pycose(changed(_304=None, _305="x", _306=1, _307=1), "hmac"),
         "wm_token_derivation"),
        ("33 bits", with_pycose(changed(_302=33), "hmac"), "wm_token_pattern_length"),
        ("0 bits", with_pycose(changed(_302=0, _304=b""), "hmac"), "wm_token_pattern_length"),
        ("a segment of no length", with_pycose(changed(_303=[0, 1]), "hmac"),
         "wm_token_claim_malformed"),
        ("an audience", with_pycose(changed(_3="elsewhere"), "hmac"), "wm_token_context"),
        ("a claim twice", with_pycose(twice, "hmac"), "wm_token_claim_repeated"),
        ("claims that are a list", with_pycose(cbor2.dumps([1]), "hmac"), "wm_token_malformed"),
        ("encrypted under another key", with_pycose(
            changed(_304=sealed(PATTERN, key=SECRET[:15] + b"x")), "hmac"), "wm_token_decryption"),
        ("encrypted under an unknown key", with_pycose(
            changed(_304=sealed(PATTERN, kid=b"p2")), "hmac"), "wm_token_decryption"),
        ("encrypted for nobody", with_pycose(
            changed(_304=cbor2.CBORTag(96, [b"\xa1\x01\x01", {}, b"", []])), "hmac"),
         "wm_token_encryption"),
        ("encrypted by another cipher", with_pycose(
            changed(_304=cbor2.CBORTag(96, [b"\xa1\x01\x03", {}, b"", []])), "hmac"),
         "wm_token_encryption"),
        ("for another's key pair", with_pycose(
            changed(_304=exchanged(PATTERN, receiver=SENDER)), "hmac"), "wm_token_decryption"),
        ("for an unknown key pair", with_pycose(
            changed(_304=exchanged(PATTERN, kid=b"e2")), "hmac"), "wm_token_decryption"),
        ("no tag of COSE", cbor2.dumps(cbor2.loads(with_pycose(CLAIMS, "hmac")).value),
         "wm_token_malformed"),
    ]
    return {
        "now": NOW,
        "secret": SECRET.hex(),
        "pattern_secret": PATTERN_SECRET.hex(),
        "point": POINT.hex(),
        "pkcs8": PKCS8.hex(),
        "number": NUMBER.to_bytes(32, "big").hex(),
        "accepted": [dict(ok, name=name, token=text(token)) for name, token in accepted],
        "refused": [
            {"name": name, "token": text(token), "code": code} for name, token, code in refused
        ],
    }


def plain(value):
    """A claim as JSON has it."""
    return {"hex": value.hex()} if isinstance(value, bytes) else value


def given(value):
    return bytes.fromhex(value["hex"]) if isinstance(value, dict) else value


def sign(case):
    claims = {int(key): given(value) for key, value in case["claims"].items()}
    makers = {"cwt": with_cwt, "pycose": with_pycose}
    return text(makers[case["library"]](claims, case["algorithm"]))


def check(case):
    token = base64.urlsafe_b64decode(case["token"] + "=" * (-len(case["token"]) % 4))
    hmac = case["algorithm"] == "hmac"
    try:
        if case["library"] == "cwt":
            key = (COSEKey.from_symmetric_key(SECRET, alg="HS256") if hmac
                   else COSEKey.from_pem(PUBLIC_PEM, alg="ES256"))
            payload = COSE.new(verify_kid=False).decode(cbor2.dumps(cbor2.loads(token).value), key)
        else:
            message = CoseMessage.decode(cbor2.dumps(cbor2.loads(token).value))
            message.key = SymmetricKey(k=SECRET) if hmac else ec2_key()
            right = message.verify_tag() if hmac else message.verify_signature()
            if not right:
                raise ValueError("not right")
            payload = message.payload
        claims = payload if isinstance(payload, dict) else cbor2.loads(payload)
        canonical = isinstance(payload, dict) or cbor2.dumps(claims, canonical=True) == payload
        pattern = claims.get(304)
        if isinstance(pattern, cbor2.CBORTag):
            inner = CoseMessage.decode(cbor2.dumps(pattern))
            inner.key = SymmetricKey(k=PATTERN_SECRET)
            claims[304] = inner.decrypt()
        claims = {str(key): plain(value) for key, value in claims.items()}
        return {"claims": claims, "canonical": canonical}
    except Exception as error:
        return {"error": repr(error)}


def main():
    if sys.argv[1:] == ["vectors"]:
        answer = vectors()
    elif sys.argv[1:] in (["sign"], ["check"]):
        of = {"sign": sign, "check": check}[sys.argv[1]]
        answer = [of(case) for case in json.load(sys.stdin)]
    else:
        sys.exit(__doc__)
    json.dump(answer, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
