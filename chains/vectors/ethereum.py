"""Writes ethereum.json: addresses, signed transactions, sidecars, messages and typed data as
eth-account and ckzg, which share no code with `chains`, make them.

    python3 -m venv venv && venv/bin/pip install eth-account==0.14.0 ckzg==2.1.8
    venv/bin/python ethereum.py > ethereum.json
"""

import hashlib
import importlib.metadata
import json

import ckzg
import rlp
from eth_account import Account
from eth_account._utils.legacy_transactions import serializable_unsigned_transaction_from_dict
from eth_account.messages import encode_defunct, encode_typed_data
from eth_account.typed_transactions.blob_transactions.blob_transaction import BlobTransaction
from eth_account.typed_transactions import base
from eth_keys import keys
from eth_utils import keccak
from hexbytes import HexBytes

KEYS = [hashlib.sha256(name.encode()).digest() for name in ("first", "second", "third")]
RECIPIENT = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
SLOTS = ["0x" + f"{n:064x}" for n in (0, 1, 2**256 - 1)]
ACCESS_LISTS = [
    [],
    [{"address": RECIPIENT, "storageKeys": []}],
    [{"address": RECIPIENT, "storageKeys": SLOTS}, {"address": "0x" + "00" * 20, "storageKeys": SLOTS[:1]}],
]


def addresses():
    for secret in KEYS:
        yield {
            "public_key": keys.PrivateKey(secret).public_key.to_bytes().hex(),
            "address": Account.from_key(secret).address,
        }


def unsigned_bytes(fields):
    """The signed transaction's fields, less the signature."""
    raw = bytes(fields)
    if raw[0] >= 0xC0:
        *body, v, _, _ = rlp.decode(raw)
        chain_id = (int.from_bytes(v, "big") - 35) // 2
        return rlp.encode([*body, chain_id, 0, 0])
    return raw[:1] + rlp.encode(rlp.decode(raw[1:])[:-3])


def transaction(name, fields, key=KEYS[0]):
    signed = Account.sign_transaction(fields, key)
    raw = bytes(signed.raw_transaction)
    unsigned = unsigned_bytes(raw)
    digest = signing_hash(fields)
    assert keccak(unsigned) == digest, "eth-account hashed other bytes"
    plain = {k: v for k, v in fields.items() if k != "authorizationList"}
    return {
        "name": name,
        "fields": plain,
        "unsigned": unsigned.hex(),
        "signing_hash": digest.hex(),
        "r": f"{signed.r:064x}",
        "s": f"{signed.s:064x}",
        "y_parity": (signed.v - 35) % 2 if raw[0] >= 0xC0 else signed.v,
        "authorizations": len(fields.get("authorizationList", [])),
        "signed": raw.hex(),
        "hash": keccak(raw).hex(),
    }


def signing_hash(fields):
    return bytes(serializable_unsigned_transaction_from_dict(fields).hash())


def transactions():
    # EIP-155's example, whose numbers stand in the EIP.
    eip_155 = {"nonce": 9, "gasPrice": 20 * 10**9, "gas": 21000, "to": "0x" + "35" * 20, "value": 10**18, "data": "0x", "chainId": 1}
    yield transaction("EIP-155", eip_155, b"\x46" * 32)
    datas = ["0x", "0x00", "0x7f", "0x80", "0x" + "ab" * 55, "0x" + "ab" * 56, "0x" + "cd" * 300]
    chains = [1, 10, 137, 8453, 42161, 11155111, 2**63 - 1 - 36]
    for n, (data, chain) in enumerate(zip(datas, chains)):
        common = {
            "nonce": [0, 1, 127, 128, 255, 256, 2**64 - 2][n],
            "gas": [21000, 0, 1, 30_000_000, 2**32, 2**40, 2**63][n],
            "value": [0, 1, 10**18, 2**64, 2**128, 2**255, 2**256 - 1][n],
            "data": data,
            "chainId": chain,
        }
        to = {} if n in (1, 4) else {"to": RECIPIENT}
        fees = {"maxPriorityFeePerGas": n, "maxFeePerGas": n + [0, 10**9][n % 2]}
        lists = {"accessList": ACCESS_LISTS[n % 3]}
        key = KEYS[n % 3]
        yield transaction(f"legacy {n}", {**common, **to, "gasPrice": [0, 10**9, 10**11][n % 3]}, key)
        yield transaction(f"EIP-2930 {n}", {**common, **to, **lists, "gasPrice": n * 10**9, "type": 1}, key)
        yield transaction(f"EIP-1559 {n}", {**common, **to, **lists, **fees, "type": 2}, key)
        hashes = ["0x01" + f"{k:062x}" for k in range([1, 2, 6][n % 3])]
        blob = {"maxFeePerBlobGas": n * 10**9, "blobVersionedHashes": hashes, "type": 3}
        yield transaction(f"EIP-4844 {n}", {**common, "to": RECIPIENT, **lists, **fees, **blob}, key)
        authorizations = [
            Account.sign_authorization({"chainId": [0, chain][k % 2], "address": RECIPIENT, "nonce": k}, KEYS[k])
            for k in range([1, 2, 3][n % 3])
        ]
        set_code = {"authorizationList": authorizations, "type": 4}
        yield transaction(f"EIP-7702 {n}", {**common, "to": RECIPIENT, **lists, **fees, **set_code}, key)


def blob_bytes(number):
    """What the test makes, too: 4096 field elements, each a small number."""
    return b"".join(((i * (number + 1)) % 65521).to_bytes(32, "big") for i in range(4096))


def sidecar():
    blobs = [blob_bytes(0), blob_bytes(1)]
    fields = {
        "nonce": 7, "gas": 21000, "to": RECIPIENT, "value": 0, "data": "0x", "chainId": 1, "accessList": [],
        "maxPriorityFeePerGas": 1, "maxFeePerGas": 2, "maxFeePerBlobGas": 3, "type": 3,
    }
    signed = Account.sign_transaction(fields, KEYS[0], blobs=blobs)
    raw = bytes(signed.raw_transaction)
    body, version, found, commitments, cell_proofs = rlp.decode(raw[1:])
    assert version == b"\x01" and list(found) == blobs
    setup = ckzg.load_trusted_setup(str(base.TRUSTED_SETUP), 0)
    proofs = [ckzg.compute_blob_kzg_proof(blob, commitment, setup) for blob, commitment in zip(blobs, commitments)]
    eip_4844 = b"\x03" + rlp.encode([body, blobs, commitments, proofs])
    # eth-account reads the older form, too.
    again = BlobTransaction.from_bytes(HexBytes(eip_4844))
    assert [blob.as_bytes() for blob in again.blob_data.blobs] == blobs
    return {
        "transaction": (b"\x03" + rlp.encode(body)).hex(),
        "commitments": [c.hex() for c in commitments],
        "cell_proofs": b"".join(cell_proofs).hex(),
        "proofs": [p.hex() for p in proofs],
        "eip_7594": {"length": len(raw), "keccak256": keccak(raw).hex()},
        "eip_4844": {"length": len(eip_4844), "keccak256": keccak(eip_4844).hex()},
    }


def messages():
    for message in (b"", b"hello", "Gr\u00fc\u00dfe".encode(), bytes(32), b"\xff\x00", b"a" * 99, b"a" * 100, b"\n" * 1000):
        signable = encode_defunct(primitive=message)
        digest = keccak(b"\x19" + signable.version + signable.header + signable.body)
        assert Account.sign_message(signable, KEYS[0]).message_hash == digest
        yield {"message": message.hex(), "digest": digest.hex()}


def canonical(document):
    """The form of typed data that `chains` reads (src/ethereum/typed_data), written with pyrlp."""
    types = {name: fields for name, fields in document["types"].items() if name != "EIP712Domain"}
    declared = [[name, [[f["name"], f["type"]] for f in fields]] for name, fields in sorted(types.items())]
    domain = document["domain"]
    domain = [[value_of({}, t, domain[name])] if name in domain else [] for name, t in DOMAIN_TYPES.items()]
    message = value_of(types, document["primaryType"], document["message"])
    return rlp.encode([declared, document["primaryType"], domain, message])


def value_of(types, kind, value):
    if kind.endswith("]"):
        return [value_of(types, kind[: kind.rindex("[")], item) for item in value]
    if kind in types:
        return [value_of(types, field["type"], value[field["name"]]) for field in types[kind]]
    if kind == "string":
        return value.encode()
    if kind == "address" or kind.startswith("bytes"):
        return bytes.fromhex(value[2:])
    return int(value) % 2**256


def typed(name, document):
    signable = encode_typed_data(full_message=document)
    return {
        "name": name,
        "document": document,
        "canonical": canonical(document).hex(),
        "domain_separator": signable.header.hex(),
        "message_hash": signable.body.hex(),
        "signing_hash": bytes(Account.sign_message(signable, KEYS[0]).message_hash).hex(),
    }


DOMAIN_TYPES = {
    "name": "string", "version": "string", "chainId": "uint256", "verifyingContract": "address", "salt": "bytes32",
}


def document(domain, primary, types, message):
    domain_type = [{"name": n, "type": t} for n, t in DOMAIN_TYPES.items() if n in domain]
    fields = {name: [{"name": n, "type": t} for n, t in members] for name, members in types.items()}
    return {"types": {"EIP712Domain": domain_type, **fields}, "primaryType": primary, "domain": domain, "message": message}


def typed_data():
    mail = {"name": "Ether Mail", "version": "1", "chainId": 1, "verifyingContract": "0x" + "Cc" * 20}
    mail["verifyingContract"] = "0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC"
    person = {"Person": [("name", "string"), ("wallet", "address")]}
    cow = {"name": "Cow", "wallet": "0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826"}
    bob = {"name": "Bob", "wallet": "0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB"}
    yield typed("EIP-712's Mail", document(
        mail, "Mail", {**person, "Mail": [("from", "Person"), ("to", "Person"), ("contents", "string")]},
        {"from": cow, "to": bob, "contents": "Hello, Bob!"},
    ))
    yield typed("arrays of structs in arrays", document(
        {"name": "Nested"}, "Group",
        {**person, "Group": [("pairs", "Person[2][]"), ("matrix", "uint8[3][2]"), ("tags", "string[]"), ("none", "bytes[]")]},
        {"pairs": [[cow, bob], [bob, cow], [cow, cow]], "matrix": [[1, 2, 3], [255, 0, 128]], "tags": ["", "a", "\u00fc"], "none": []},
    ))
    numbers = [(f"{kind}{bits}", bits) for kind in ("uint", "int") for bits in range(8, 257, 8)]
    for name, pick in (
        ("every least number", lambda kind, bits: 0 if kind[0] == "u" else -(2 ** (bits - 1))),
        ("every largest number", lambda kind, bits: 2**bits - 1 if kind[0] == "u" else 2 ** (bits - 1) - 1),
        ("minus one and one", lambda kind, bits: 1 if kind[0] == "u" else -1),
    ):
        half = lambda kinds: [(f"f_{kind}", kind) for kind, _ in kinds]
        types = {
            "Numbers": [("unsigned", "Unsigned"), ("signed", "Signed")],
            "Unsigned": half(numbers[:32]), "Signed": half(numbers[32:]),
        }
        value = lambda kinds: {f"f_{kind}": str(pick(kind, bits)) for kind, bits in kinds}
        yield typed(name, document({"chainId": 5}, "Numbers", types, {"unsigned": value(numbers[:32]), "signed": value(numbers[32:])}))
    fixed = [(f"b{n}", f"bytes{n}") for n in range(1, 33)]
    yield typed("every fixed length, bytes and bools", document(
        {"salt": "0x" + "5a" * 32, "version": ""}, "Bytes",
        {"Bytes": [*fixed, ("any", "bytes"), ("empty", "bytes"), ("yes", "bool"), ("no", "bool")]},
        {**{f"b{n}": "0x" + bytes(range(n)).hex() for n in range(1, 33)}, "any": "0x" + "00" * 200, "empty": "0x", "yes": True, "no": False},
    ))
    yield typed("a type that contains itself", document(
        {"name": "Tree", "chainId": 1}, "Node", {"Node": [("value", "int16"), ("children", "Node[]")]},
        {"value": -5, "children": [{"value": 1, "children": []}, {"value": 2, "children": [{"value": -32768, "children": []}]}]},
    ))
    yield typed("dependencies in the order of their names", document(
        {"name": "Order", "version": "2", "chainId": str(2**255), "verifyingContract": RECIPIENT, "salt": "0x" + "00" * 32}, "M",
        {"Z": [("a", "A")], "A": [("x", "uint256")], "M": [("z", "Z"), ("b", "b"), ("a", "A")], "b": [("_", "bool"), ("$1", "address")]},
        {"z": {"a": {"x": 1}}, "b": {"_": True, "$1": RECIPIENT}, "a": {"x": str(2**256 - 1)}},
    ))
    yield typed("a permit (EIP-2612)", document(
        {"name": "USD Coin", "version": "2", "chainId": 1, "verifyingContract": RECIPIENT}, "Permit",
        {"Permit": [("owner", "address"), ("spender", "address"), ("value", "uint256"), ("nonce", "uint256"), ("deadline", "uint256")]},
        {"owner": RECIPIENT, "spender": "0x" + "11" * 20, "value": str(10**12), "nonce": 0, "deadline": 2**32},
    ))
    yield typed("a type name with a colon", document(
        {"name": "Exchange", "version": "1", "chainId": 421614, "verifyingContract": "0x" + "00" * 20}, "App:Send",
        {"App:Send": [("amount", "string"), ("time", "uint64")]}, {"amount": "1.5", "time": 1700000000000},
    ))


def authorizations():
    """Authorisations to sign, without signatures (EIP-7702)."""
    for chain, nonce, address in (
        (0, 0, RECIPIENT), (1, 1, RECIPIENT), (8453, 127, "0x" + "00" * 20), (11155111, 128, RECIPIENT),
        (2**255, 2**64 - 2, RECIPIENT),
    ):
        signed = Account.sign_authorization({"chainId": chain, "address": address, "nonce": nonce}, KEYS[0])
        encoded = rlp.encode([chain, bytes.fromhex(address[2:]), nonce])
        digest = bytes(signed.authorization_hash)
        assert keccak(b"\x05" + encoded) == digest, "eth-account hashed other bytes"
        yield {"chain_id": str(chain), "address": address, "nonce": nonce, "encoded": encoded.hex(), "hash": digest.hex()}


print(json.dumps({
    "made_with": {name: importlib.metadata.version(name) for name in ("eth-account", "eth-keys", "rlp", "ckzg")},
    "addresses": list(addresses()),
    "transactions": list(transactions()),
    "sidecar": sidecar(),
    "messages": list(messages()),
    "typed_data": list(typed_data()),
    "authorizations": list(authorizations()),
}, indent=1))
