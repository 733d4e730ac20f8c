"""Attestations as npm's registry hands them out: sigstore bundles with a DSSE envelope around an in-toto statement. Made up: the
signatures are none."""

import base64
import hashlib
import json

V1 = "https://slsa.dev/provenance/v1"
V02 = "https://slsa.dev/provenance/v0.2"
WORKFLOW = ".github/workflows/release.yml"


def predicate(said):
    """The predicateType of a release whose `attestations` are `said` (True, or a dict)."""
    return said.get("predicate", V1) if isinstance(said, dict) else V1


def statement_of(name, version, tarball, repository, said):
    """The provenance statement about a release. `said` changes: predicate, repository, workflow, ref, commit, url (the subject's), sha512."""
    url = said.get("url", f"pkg:npm/{name.replace('@', '%40')}@{version}")
    subject = [{"name": url, "digest": {"sha512": said.get("sha512", hashlib.sha512(tarball).hexdigest())}}]
    kind = predicate(said)
    source = said.get("repository", repository)
    workflow, ref = said.get("workflow", WORKFLOW), said.get("ref", "refs/heads/main")
    commit = said.get("commit", hashlib.sha1(source.encode()).hexdigest())
    content = (_v1 if kind == V1 else _v02)(source, workflow, ref, commit)
    return {"_type": "https://in-toto.io/Statement/v1" if kind == V1 else "https://in-toto.io/Statement/v0.1", "subject": subject,
            "predicateType": kind, "predicate": content}


def answer(name, version, tarball, repository, said=True):
    """The registry's answer for a release; `said` as statement_of() takes it."""
    statement = statement_of(name, version, tarball, repository, said if isinstance(said, dict) else {})
    subject = statement["subject"]
    publish = {"_type": "https://in-toto.io/Statement/v0.1", "subject": subject, "predicateType": "https://registry.example/attestation/publish/v0.1",
               "predicate": {"name": name, "version": version}}
    return {"attestations": [_attestation(publish), _attestation(statement)]}


def _attestation(statement):
    payload = base64.b64encode(json.dumps(statement).encode()).decode()
    envelope = {"payload": payload, "payloadType": "application/vnd.in-toto+json", "signatures": [{"sig": "bm9uZQ==", "keyid": ""}]}
    material = {"certificate": {"rawBytes": "bm9uZQ=="}, "tlogEntries": []}
    return {"predicateType": statement["predicateType"], "bundle": {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "verificationMaterial": material, "dsseEnvelope": envelope}}


def _v1(repository, workflow, ref, commit):
    return {
        "buildDefinition": {
            "buildType": "https://slsa.example/workflow/v1",
            "externalParameters": {"workflow": {"ref": ref, "repository": repository, "path": workflow}},
            "resolvedDependencies": [{"uri": f"git+{repository}@{ref}", "digest": {"gitCommit": commit}}],
        },
        "runDetails": {"builder": {"id": "https://git.example/actions/runner/hosted"}},
    }


def _v02(repository, workflow, ref, commit):
    source = {"uri": f"git+{repository}@{ref}", "digest": {"sha1": commit}}
    return {
        "buildType": "https://slsa.example/gha/v2",
        "builder": {"id": "https://git.example/actions/runner"},
        "invocation": {"configSource": {**source, "entryPoint": workflow}, "parameters": {}},
        "materials": [source],
    }
