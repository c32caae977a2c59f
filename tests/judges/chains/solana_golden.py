"""Writes solana_golden.json: messages and transactions built by solders, an implementation that
shares no code with `chains`.

    pip install solders==0.29.0 && python solana_golden.py > solana_golden.json
"""

import json
from hashlib import sha256

from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price
from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.message import Message, MessageV0, to_bytes_versioned
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.system_program import (
    AdvanceNonceAccountParams,
    TransferParams,
    advance_nonce_account,
    transfer,
)
from solders.transaction import VersionedTransaction


def seed(name: str) -> bytes:
    return sha256(name.encode()).digest()


def keypair(name: str) -> Keypair:
    return Keypair.from_seed(seed(name))


def address(name: str) -> Pubkey:
    return keypair(name).pubkey()


def program(accounts: list[tuple[str, bool, bool]], data: bytes) -> Instruction:
    metas = [AccountMeta(address(name), signer, writable) for name, signer, writable in accounts]
    return Instruction(address("program"), data, metas)


def send(payer: str, to: str, lamports: int) -> Instruction:
    return transfer(
        TransferParams(from_pubkey=address(payer), to_pubkey=address(to), lamports=lamports)
    )


def nonce_advance() -> Instruction:
    params = AdvanceNonceAccountParams(
        nonce_pubkey=address("nonce account"), authorized_pubkey=address("alice")
    )
    return advance_nonce_account(params)


CASES = {
    "transfer": [send("alice", "bob", 1_000_000)],
    "two transfers": [send("alice", "bob", 1), send("alice", "carol", 2**64 - 1)],
    "two signers": [send("alice", "bob", 1), send("bob", "carol", 1)],
    "read-only signer": [program([("bob", True, False), ("carol", False, True)], b"\x01\x02")],
    "compute budget": [
        set_compute_unit_limit(200_000),
        set_compute_unit_price(5),
        send("alice", "bob", 7),
    ],
    "durable nonce": [nonce_advance(), send("alice", "bob", 7)],
    "no instructions": [],
    "two-byte length": [program([("bob", False, True)], bytes(range(200)))],
    "empty data": [program([], b"")],
}


def case(name: str, version: str) -> dict:
    instructions, payer, blockhash = CASES[name], address("alice"), Hash(seed("blockhash"))
    if version == "legacy":
        message = Message.new_with_blockhash(instructions, payer, blockhash)
    else:
        message = MessageV0.try_compile(payer, instructions, [], blockhash)
    keys = message.account_keys
    names = {address(n): n for n in ("alice", "bob", "carol")}
    signers = list(keys[: message.header.num_required_signatures])
    signed = VersionedTransaction(message, [keypair(names[key]) for key in signers])
    missing = VersionedTransaction.populate(message, [Signature.default()] * len(signers))
    return {
        "name": name,
        "version": version,
        "message": to_bytes_versioned(message).hex(),
        "accounts": [str(key) for key in keys],
        "signers": [str(key) for key in signers],
        "fee_payer": str(payer),
        "blockhash": bytes(message.recent_blockhash).hex(),
        "instructions": [
            {
                "program": str(keys[instruction.program_id_index]),
                "accounts": list(instruction.accounts),
                "data": bytes(instruction.data).hex(),
            }
            for instruction in message.instructions
        ],
        "unsigned": bytes(missing).hex(),
        "signatures": [bytes(signature).hex() for signature in signed.signatures],
        "signed": bytes(signed).hex(),
    }


if __name__ == "__main__":
    cases = [case(name, version) for name in CASES for version in ("legacy", "v0")]
    print(json.dumps({"made_with": "solders 0.29.0", "cases": cases}, indent=1))
