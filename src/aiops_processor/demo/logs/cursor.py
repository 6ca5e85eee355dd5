"""A place in a list of tokens, and the small steps that the LogQL parser takes from there."""

from aiops_processor.demo.logs.tokens import NAMES, LogQLError, Token, syntax_error, unquoted


class Cursor:
    """Reads tokens one after the other; what does not fit is Loki's syntax error."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._position = 0

    @property
    def peek(self) -> Token:
        return self._tokens[self._position]

    @property
    def after(self) -> Token:
        """The token behind the next one."""
        return self._tokens[min(self._position + 1, len(self._tokens) - 1)]

    def next(self) -> Token:
        token = self.peek
        self._position = min(self._position + 1, len(self._tokens) - 1)
        return token

    def accept(self, text: str) -> bool:
        """Step over the token if it is this one; strings never are."""
        if self.peek.kind in {"end", "string"} or self.peek.text != text:
            return False
        self.next()
        return True

    def expect(self, text: str, expecting: str = "") -> None:
        if not self.accept(text):
            raise syntax_error(self.peek, expecting)

    def expect_kind(self, kind: str, expecting: str = "") -> Token:
        if self.peek.kind != kind:
            raise syntax_error(self.peek, expecting or NAMES.get(kind, "IDENTIFIER"))
        return self.next()

    def names(self) -> list[str]:
        """`a, b, c`."""
        names = [self.expect_kind("word").text]
        while self.accept(","):
            names.append(self.expect_kind("word").text)
        if self.peek.text in {"=", "!=", "=~", "!~"}:
            raise LogQLError("parse error : drop and keep with matchers are not implemented in the replay")
        return names

    def names_in_parentheses(self) -> list[str]:
        self.expect("(")
        names = [] if self.peek.text == ")" else self.names()
        self.expect(")")
        return names

    def assignments(self) -> dict[str, str]:
        """`label="expression", label` behind a parser: what to extract, empty for everything."""
        wanted: dict[str, str] = {}
        while self.peek.kind == "word" and self.peek.name == "IDENTIFIER":
            name = self.next().text
            wanted[name] = unquoted(self.expect_kind("string")) if self.accept("=") else name
            if not self.accept(","):
                break
        return wanted
