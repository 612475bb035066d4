"""What a declared resource is made of, and what has to be there before it."""

from .program import Declared, Resource


def needs(declared: Declared, resource: Resource) -> set[str]:
    """Everything that must exist before a resource does, as `Type name`: what it depends on, its parent and its
    provider, and what those need."""
    by_urn: dict[str, Resource] = {}
    for r in declared:
        parent = r.request.parent.split("::")[2].split("$")[-1] + "$" if r.request.parent else ""
        by_urn[f"{parent}{r.type}::{r.name}"] = r

    def find(urn: str) -> Resource:
        return by_urn["::".join(urn.split("::")[2:4])]

    seen: list[Resource] = []
    todo = [resource]
    while todo:
        request = todo.pop().request
        urns = [*request.dependencies]
        urns += [request.parent] if not request.parent.split("::")[2].endswith("pulumi:Stack") else []
        urns += [request.provider.rsplit("::", 1)[0]] if request.provider else []
        new = [other for other in map(find, urns) if other not in seen]
        seen += new
        todo += new
    return {f"{r.type.split(':')[-1]} {r.name}" for r in seen}


def made_of(resource: Resource, key: str) -> set[str]:
    """The resources whose outputs an input is made of, as `Type name`; known in a preview as well."""
    urns = resource.request.propertyDependencies[key].urns
    return {" ".join((urn.split("::")[2].split(":")[-1], urn.split("::")[3])) for urn in urns}
