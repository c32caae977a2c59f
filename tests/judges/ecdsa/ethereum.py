"""eth-account as the judge of ECDSA signatures: builds transactions to sign, and says who signed.

A JSON list of questions on standard input, their answers on standard output. Nothing here is Cloister's.
"""

import functools
import json
import sys

import ckzg
import rlp
from eth_account import Account
from eth_account.messages import encode_defunct, encode_typed_data
from eth_account.typed_transactions import TypedTransaction, base
from eth_keys import keys
from eth_utils import keccak, to_checksum_address

# eth-account encodes nothing without a signature. This key's is cut off again.
NOBODY = "0x" + "11" * 32
RECIPIENT = to_checksum_address("0x" + "c0ffee00" * 5)
DELEGATE = to_checksum_address("0x" + "de1e6a7e" * 5)
# The first byte of each field element keeps it below the modulus.
BLOB = b"".join(b"\0" + keccak(text=str(element))[1:] for element in range(4096))
# eth-account reads the setup anew, which takes seconds, whenever it looks at a blob.
base.load_trusted_setup = functools.cache(ckzg.load_trusted_setup)


def address(question):
    """The account of a compressed public key."""
    return keys.PublicKey.from_compressed_bytes(bytes.fromhex(question["public_key"])).to_checksum_address()


def build(question):
    """Unsigned transactions of every type, and with both kinds of sidecar, with rising nonces."""
    chain = {"chainId": question["chain_id"]}
    delegation = Account.sign_authorization(chain | {"address": DELEGATE, "nonce": 0}, question["authority"])
    slots = {"accessList": [{"address": DELEGATE, "storageKeys": ["0x" + "00" * 32, "0x" + "07" * 32]}]}
    price = {"gasPrice": 3 * 10**9}
    fees = {"maxFeePerGas": 5 * 10**9, "maxPriorityFeePerGas": 10**9}
    blob = {"type": 3, "maxFeePerBlobGas": 10**9} | fees
    kinds = [
        ("legacy", price, None),
        ("EIP-2930", {"type": 1} | price | slots, None),
        ("EIP-1559", {"type": 2} | fees | slots, None),
        ("EIP-4844", blob, proofs_of_blobs),
        ("EIP-4844 with a sidecar of EIP-7594", blob, proofs_of_cells),
        ("EIP-7702", {"type": 4, "authorizationList": [delegation]} | fees, None),
    ]
    return [one(name, chain | fields, nonce, sidecar) for nonce, (name, fields, sidecar) in enumerate(kinds)]


def one(name, fields, nonce, sidecar):
    fields |= {"nonce": nonce, "to": RECIPIENT, "value": 10**15 + nonce, "gas": 300_000, "data": "0xc0de"}
    signed = Account.sign_transaction(fields, NOBODY, blobs=[BLOB] if sidecar else None)
    payload = without_signature(signed.raw_transaction, fields["chainId"], sidecar)
    return {"name": name, "payload": payload.hex(), "value": fields["value"]}


def without_signature(raw, chain_id, sidecar):
    """The bytes that are hashed, and a blob's sidecar behind them."""
    if raw[0] > 0x7F:
        return rlp.encode([*rlp.decode(raw)[:-3], chain_id, 0, 0])
    kind, items = raw[:1], rlp.decode(raw[1:])
    fields = (items[0] if sidecar else items)[:-3]
    unsigned = kind + rlp.encode(fields)
    assert keccak(unsigned) == TypedTransaction.from_bytes(raw).hash(), "eth-account hashes other bytes"
    return kind + rlp.encode([fields, *sidecar(*items[2:])]) if sidecar else unsigned


def proofs_of_cells(blobs, commitments, proofs):
    """As eth-account makes it since EIP-7594."""
    return [1, blobs, commitments, proofs]


def proofs_of_blobs(blobs, commitments, _):
    """As EIP-4844 has it: one proof for each blob."""
    setup = base.load_trusted_setup(base.TRUSTED_SETUP, 0)
    pairs = zip(blobs, commitments, strict=True)
    return [blobs, commitments, [ckzg.compute_blob_kzg_proof(*pair, setup) for pair in pairs]]


def recover(question):
    """Who signed a transaction, a message, typed data, an authorisation or a user operation."""
    match question:
        case {"transaction": raw}:
            return Account.recover_transaction(raw)
        case {"message": message, "signature": signature}:
            return Account.recover_message(encode_defunct(hexstr=message), signature=signature)
        case {"typed_data": document, "signature": signature}:
            return Account.recover_message(encode_typed_data(full_message=document), signature=signature)
        case {"authorization": fields, "signature": signature}:
            items = [fields["chainId"], bytes.fromhex(fields["address"][2:]), fields["nonce"]]
            signed = bytes.fromhex(signature[2:])
            parity = bytes([signed[64] - 27])
            public_key = keys.Signature(signed[:64] + parity).recover_public_key_from_msg_hash(keccak(b"\x05" + rlp.encode(items)))
            return public_key.to_checksum_address()
        case {"user_operation": fields, "signature": signature}:
            return Account.recover_message(encode_defunct(primitive=user_operation_hash(**fields)), signature=signature)


def user_operation_hash(operation, entry_point, chain_id):
    """As `EntryPoint.getUserOpHash` of version 0.7 computes it."""
    data = {name: bytes.fromhex(value[2:]) for name, value in operation.items() if name not in ("sender", "nonce", "preVerificationGas")}
    words = [
        word(operation["sender"]), word(operation["nonce"]), keccak(data["initCode"]), keccak(data["callData"]), data["accountGasLimits"],
        word(operation["preVerificationGas"]), data["gasFees"], keccak(data["paymasterAndData"]),
    ]
    return keccak(keccak(b"".join(words)) + word(entry_point) + word(chain_id))


def word(value):
    """An address or a number as Solidity's ABI has it."""
    return (int(value, 16) if isinstance(value, str) else value).to_bytes(32, "big")


QUESTIONS = {"address": address, "build": build, "recover": recover}
asked = json.load(sys.stdin)
json.dump([QUESTIONS[question.pop("do")](question) for question in asked], sys.stdout)
