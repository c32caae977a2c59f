"""Decrypts with each of a table's recipients; prints verdicts and writes what was opened.

usage: recipients.py SETTING.json ANSWERS.json
"""

import base64
import json
import sys

from clients import client, outcome


def decrypt(setting, case):
    parameters = {
        "KeyId": case["key"],
        "CiphertextBlob": base64.b64decode(setting["ciphertexts"][case["key"]]),
        "EncryptionAlgorithm": "RSAES_OAEP_SHA_256",
    }
    if case["recipient"] is not None:
        parameters["Recipient"] = {
            "KeyEncryptionAlgorithm": case["recipient"]["algorithm"],
            "AttestationDocument": base64.b64decode(case["recipient"]["document"]),
        }
    return outcome(client(setting, case["caller"]).decrypt, **parameters)


def main(setting_path, answers_path):
    with open(setting_path) as file:
        setting = json.load(file)
    answers, wrong = {}, 0
    for case in setting["cases"]:
        answer, verdict = decrypt(setting, case)
        wrong += verdict != case["expect"]
        mark = "ok" if verdict == case["expect"] else f"WRONG, expected {case['expect']}"
        print(f"{case['name']:<60} {verdict:<28} {mark}")
        if answer is not None:
            assert "Plaintext" not in answer, case["name"]
            assert answer["KeyId"] == case["key"], case["name"]
            answers[case["name"]] = base64.b64encode(answer["CiphertextForRecipient"]).decode()
    with open(answers_path, "w") as file:
        json.dump(answers, file)
    sys.exit(wrong != 0)


main(*sys.argv[1:])
