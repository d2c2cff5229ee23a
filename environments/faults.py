"""What a person did wrong, as opposed to what we did wrong. Pages and API show these, nobody logs them."""


class UserFault(Exception):
    """A sentence for the person, and the field of the form or document that it is about."""

    def __init__(self, message, field=""):
        super().__init__(message)
        self.message = message
        self.field = field


class Refused(UserFault):
    """It cannot be done as things are, for the reason that the sentence says."""


class DefinitionFault(UserFault):
    """A definition that cannot be registered, with every finding that stands against it."""

    def __init__(self, findings):
        super().__init__(" ".join(finding.sentence for finding in findings), "definition")
        self.findings = findings
