#!/usr/bin/env python3
"""Signs a Cloister SignRequest without Cloister's own code, and posts it to a host. Needs cbor2 and cryptography.

sign_request.py URL GROUP TENANT KEY CHAIN REQUESTER SECRET_FILE PAYLOAD_FILE [PATH]
  GROUP and KEY are hex ids, CHAIN is message, solana, bitcoin, ethereum, ethereum-message, ethereum-typed-data,
  ethereum-authorization, ethereum-user-operation or cosmos; SECRET_FILE
  holds 64 hex digits (Ed25519) or PKCS #8 in PEM (P-256), PAYLOAD_FILE the bytes that wire/src/request.rs names; PATH is a child key's, such as m/0/5. Prints the host's
  answer.
The bytes are specified in wire/src/request.rs and wire/src/credential.rs. Verify the signature that comes back: hosts are not trusted.
"""
import base64, hashlib, json, os, sys, time, urllib.error, urllib.request

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key


def tagged_hash(tag: str, data: bytes) -> bytes:
    prefix = hashlib.sha256(tag.encode()).digest() * 2
    return hashlib.sha256(prefix + data).digest()


P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def prove(secret: bytes, request_hash: bytes) -> list:
    if not secret.startswith(b"-----BEGIN"):
        key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret.decode()))
        return [0, [key.sign(request_hash)]]
    signature = load_pem_private_key(secret, None).sign(request_hash, ec.ECDSA(hashes.SHA256()))
    r, s = utils.decode_dss_signature(signature)
    s = min(s, P256_ORDER - s)  # Of the two values of s, signers take the lower one.
    return [1, [r.to_bytes(32, "big") + s.to_bytes(32, "big")]]


# Number and purpose (transaction 0, message 1, typed data 2, authorisation 3, user operation 4).
CHAINS = {"message": (0, 1), "solana": (1, 0), "bitcoin": (2, 0), "ethereum": (3, 0), "ethereum-message": (3, 1),
          "ethereum-typed-data": (3, 2), "ethereum-authorization": (3, 3), "ethereum-user-operation": (3, 4), "cosmos": (4, 0)}

url, group, tenant, key, chain, requester, secret_file, payload_file = sys.argv[1:9]
path = [int(step) for step in sys.argv[9].split("/")[1:]] if len(sys.argv) > 9 else []
payload = open(payload_file, "rb").read()
chain_number, purpose = CHAINS[chain]
now = int(time.time() * 1000)

body = cbor2.dumps([bytes.fromhex(group), tenant, bytes.fromhex(key), path, chain_number, purpose, payload,
                    requester, os.urandom(16), now, now + 5 * 60 * 1000])
request_hash = tagged_hash("cloister/1/sign-request", body)
requested = cbor2.dumps([body, prove(open(secret_file, "rb").read(), request_hash)])
post = urllib.request.Request(url + "/v1/sign", headers={"Content-Type": "application/json"},
                              data=json.dumps({"request": base64.b64encode(requested).decode()}).encode())
try:
    answer = json.load(urllib.request.urlopen(post))
except urllib.error.HTTPError as problem:
    sys.exit(problem.read().decode())
assert answer["request_hash"] == request_hash.hex(), "the host answered another request"
print(json.dumps(answer, indent=2))
