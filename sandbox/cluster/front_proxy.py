"""Who vouches for the API server where it passes requests on to another one, as to KEDA's API of metrics.

https://kubernetes.io/docs/tasks/extend-kubernetes/configure-aggregation-layer/
"""

from pathlib import Path

import trustme


def identity(folder: Path) -> list[str]:
    """The API server's flags; `folder` is for the certificates and the key that they name."""
    authority = trustme.CA()
    leaf = authority.issue_cert("front-proxy", common_name="front-proxy")
    certificates = {"client-ca": authority.cert_pem, "cert": leaf.cert_chain_pems[0], "key": leaf.private_key_pem}
    files = {name: folder / f"front-proxy-{name}.pem" for name in certificates}
    for name, pem in certificates.items():
        pem.write_to_path(str(files[name]))
    return [
        f"--requestheader-client-ca-file={files['client-ca']}",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        f"--proxy-client-cert-file={files['cert']}",
        f"--proxy-client-key-file={files['key']}",
    ]
