"""The tests whose outcome may differ behind the middleware, and the reason for each."""

from __future__ import annotations

from collections.abc import Mapping

_WHOLE_PAGE = "Compares the whole text of a page, to which the middleware adds the script."
_VARY = "Compares the `Vary` of a page, which depends on more request fields now."
_FIELDS = "Compares all header fields of an HTML text, which depends on more request fields now."
_TAG = (
    "Compares or sends the entity tag of a page, which is marked with the page's script. A page"
    " that names a user has no `Last-Modified`."
)
_NO_HEADERS = "Calls the app with a scope without `headers`, which ASGI requires."
_NO_BYTES = "Its page consists of `str`, but PEP 3333 requires bytes."

KNOWN: Mapping[str, Mapping[str, str]] = {
    "starlette": {
        "tests/middleware/test_base.py::test_run_background_tasks_even_if_client_disconnects": (
            _NO_HEADERS
        ),
        "tests/middleware/test_base.py::test_do_not_block_on_background_tasks": _NO_HEADERS,
        "tests/middleware/test_base.py::"
        "test_run_context_manager_exit_even_if_client_disconnects": _NO_HEADERS,
        "tests/middleware/test_base.py::test_multiple_middlewares_stacked_client_disconnected": (
            _NO_HEADERS
        ),
        "tests/test_responses.py::test_populate_headers": (
            "Compares the `Content-Length` of a page, which the script makes longer."
        ),
        "tests/test_staticfiles.py::"
        "test_staticfiles_cache_invalidation_for_deleted_file_html_mode": (
            "Requests a page with `If-Modified-Since` alone, which does not say which script the "
            "copy holds. A page that names a user has no `Last-Modified`."
        ),
        "tests/test_templates.py::test_calls_context_processors": _WHOLE_PAGE,
        "tests/test_templates.py::test_template_with_middleware": _WHOLE_PAGE,
        "tests/test_templates.py::test_templates": _WHOLE_PAGE,
        "tests/test_templates.py::test_templates_with_directories": _WHOLE_PAGE,
        "tests/test_templates.py::test_templates_with_environment": _WHOLE_PAGE,
    },
    "flask": {
        "tests/test_basic.py::test_app_freed_on_zero_refcount": (
            "An app whose `wsgi_app` is wrapped refers to itself, so Python frees the app later."
        ),
        "tests/test_basic.py::test_session_accessed": _VARY,
        "tests/test_basic.py::test_session_refresh_vary": _VARY,
        "tests/test_basic.py::test_session_vary_cookie": _VARY,
    },
    "werkzeug": {
        "tests/test_test.py::test_lazy_start_response_empty_response_app": (
            "Compares all header fields of an empty page, which gets the script in a navigation."
        ),
        "tests/test_test.py::test_run_wsgi_apps": _NO_BYTES,
        "tests/test_wrappers.py::test_type_forcing": _NO_BYTES,
    },
    "whitenoise": {
        "tests/test_django_whitenoise.py::test_index_file_served_at_directory_path": _WHOLE_PAGE,
        "tests/test_whitenoise.py::test_index_file_served_at_directory_path": _WHOLE_PAGE,
    },
    "django": {
        "tests/asgi/tests.py::ASGITest::test_asyncio_streaming_cancel_error": (
            "Reads the head of a stream before the first piece, which shows whether it is a page."
        ),
        "tests/asgi/tests.py::ASGITest::test_get_asgi_application": _FIELDS,
        "tests/wsgi/tests.py::WSGITest::test_get_wsgi_application": _FIELDS,
        **{
            f"tests/conditional_processing/tests.py::ConditionalGet::test_{name}": _TAG
            for name in (
                *(
                    "all_if_match",
                    "all_if_none_match",
                    "both_headers",
                    "both_headers_2",
                ),
                *(
                    "if_modified_since",
                    "if_none_match",
                    "if_unmodified_since",
                    "invalid_etag",
                ),
                *(
                    "single_condition_1",
                    "single_condition_2",
                    "single_condition_3",
                    "single_condition_4",
                ),
                *(
                    "single_condition_5",
                    "single_condition_6",
                    "single_condition_8",
                    "single_condition_head",
                ),
                *(
                    "unquoted_if_none_match",
                    "weak_if_none_match",
                    "without_conditions",
                ),
            )
        },
    },
    "quart": {
        "tests/test_testing.py::test_methods": (
            "Reads the content of a page's response to HEAD. No server sends such content."
        ),
    },
}
"""By suite and by a test's name, without its parameters: why the outcome may differ."""
