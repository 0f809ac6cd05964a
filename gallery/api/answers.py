"""One form for every refusal: {"error": {"reason", "sentence", "remedy"}}."""

import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as SQLAlchemyTimeout
from starlette.exceptions import HTTPException

from gallery.errors import RequestError
from likeness.errors import ConsentError, InputError, LikenessError, without_control

MOST_LETTERS = 300
WORDS = {
    404: ("not-there", "There is nothing here."),
    405: ("method", "This cannot be done here."),
    408: ("too-slow", "This took too long to come."),
    413: ("too-long", "This is more than is read here."),
}
log = logging.getLogger("gallery")


def error_answer(status: int, reason: str, sentence: str, remedy: str = "") -> JSONResponse:
    """A refusal; nothing that was sent is repeated but in our own words."""
    return JSONResponse(
        {"error": {"reason": reason, "sentence": without_control(sentence), "remedy": remedy}},
        status_code=status,
    )


def _likeness(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, LikenessError)
    if isinstance(error, RequestError):
        return error_answer(error.status, error.reason, error.message, error.remedy)
    if isinstance(error, ConsentError):
        return error_answer(
            403, error.reason, "No consent in force covers this.", "Ask an owner of this gallery."
        )
    if isinstance(error, InputError):
        return error_answer(422, error.reason, error.message, error.remedy)
    log.error("%s", error)
    return error_answer(503, error.reason, "This does not work just now.", "Try again later.")


def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    places = {".".join(str(part) for part in one["loc"] if part != "body")[:60] for one in error.errors()}
    return error_answer(
        422, "invalid", f"Not as expected: {', '.join(sorted(places))}"[:MOST_LETTERS], "Correct it."
    )


def _http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    reason, sentence = WORDS.get(error.status_code, ("request", "This request cannot be answered."))
    return error_answer(error.status_code, reason, sentence)


def _database(_: Request, error: Exception) -> JSONResponse:
    log.error("the database: %s", type(error).__name__)
    return error_answer(503, "database", "This does not work just now.", "Try again in a moment.")


def _fault(_: Request, error: Exception) -> JSONResponse:
    log.error("unforeseen", exc_info=error)
    return error_answer(
        500, "fault", "Something went wrong here.", "Try again; tell an owner when it stays so."
    )


def add_answers(app: FastAPI) -> None:
    """Answer every error in the one form."""
    app.add_exception_handler(LikenessError, _likeness)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    # no answer; a session that the server ended, or that may not write; no connection in time
    for gone in (OperationalError, InternalError, InterfaceError, SQLAlchemyTimeout):
        app.add_exception_handler(gone, _database)
    app.add_exception_handler(Exception, _fault)
