"""Who is told that nobody looked for drift."""

from bootstrap import watch
from tests.support.bootstrap import program
from tests.support.program import Declared
from tests.support.project import ROOT

POLICY, CHANNEL = ":AlertPolicy", ":NotificationChannel"


def test_nothing_is_made_unless_somebody_is_to_be_told(shared: Declared) -> None:
    assert not [r for r in shared if r.type.startswith("gcp:monitoring/")]


def test_everybody_is_told_of_each_environment_whose_account_was_not_taken() -> None:
    told = program(alertEmails=["a@example.com", "b@example.com"])
    assert {r.inputs["labels"]["email_address"] for r in told.all(CHANNEL)} == {"a@example.com", "b@example.com"}
    policies = {r.name: r.inputs for r in told.all(POLICY)}
    assert policies.keys() == {"drift-dev", "drift-prod"}
    for name, of in policies.items():
        query = of["conditions"][0]["conditionPrometheusQueryLanguage"]["query"]
        assert query.count(f'email_id="{name}@my-project.iam.gserviceaccount.com"') == query.count("email_id") == 2
    assert all(len(of["notificationChannels"]) == 2 for of in policies.values())
    assert all("project" not in of for of in policies.values())  # the state's, where the accounts are


def test_mail_leads_to_a_section_that_tells_what_to_do() -> None:
    page, _, anchor = watch.ENTRY.partition("#")
    [section] = [part for part in (ROOT / page).read_text().split("\n## ") if part.lower().startswith(f"{anchor}\n")]
    assert watch.ALERT in section
