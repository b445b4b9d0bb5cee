"""Documents with the place of the script marked by a bar."""

from __future__ import annotations

PLACES = {
    # the usual
    "an ordinary page": b"<!doctype html><html><head><title>A</title>|</head><body>B</body></html>",
    "no tag but the text": b"|Hello",
    "space before the text": b" \n |Hello",
    "an empty document": b"|",
    "no end of head": b"<!doctype html><title>A</title>|<p>B",
    "no end of file": b"<head><link rel=x>|",
    "a body at once": b"<html>|<body>",
    "an unknown element": b"<head><meta charset=utf-8>|<my-widget>",
    "end tags that end the head": b"<title></title>|</html>",
    "end tags that are ignored": b"</p></div>|<p>",
    # a head that only looks like one
    "a head in a comment": b"<!-- </head><body> --><title>A</title>|</head>",
    "a head in a title": b"<title></head></title>|</head>",
    "a head in a style": b"<template|><style></head></STYLE ></head>".replace(b"<template|>", b"|"),
    "a head in a script": b"<script>'</head>'</script>|</head>",
    "a head in an attribute": b"<meta content='</head>'>|</head>",
    "a noscript": b"<noscript><p></head></noscript>|</head>",
    "a template": b"<title>A</title>|<template><script></script></template></head>",
    "a header": b"<title>A</title>|<header>",
    # comments in all their endings
    "an abruptly closed comment": b"<!--><title>A</title>|<p>",
    "another": b"<!---><title>A</title>|<p>",
    "an incorrectly closed comment": b"<!-- a --!><title>A</title>|<p>",
    "nested comments": b"<!-- <!-- --><title>A</title>|<p>-->",
    "bogus comments": b"<?xml version='1.0'?><!ELEMENT br></ p></><title>A</title>|<p>",
    "CDATA": b"<![CDATA[ > |]]>",
    # attributes
    "a > in quotes": b"<meta content=\"a>b\" name='c>d'>|<p>",
    "a > after a quote in a name": b'<meta a"b>|<p c">',
    "a > for a value": b"<meta content=>|<p>",
    "quotes inside an unquoted value": b'<meta content=a"b>|<p ">',
    "an = before a name": b"<meta ='a>|b'>",
    "slashes": b"<link/rel=x/>|<p>",
    "no space between attributes": b"<meta a='1'b=\"2\">|<p>",
    # scripts
    "a script in a comment in a script": b"<script><!--<script></script></script>|<p>",
    "a comment that closes at once in a script": b"<script><!--><script></script>|<p>",
    "a second level that the comment ends": b"<script><!--<script>--></script>|<p>",
    "a script that is not one": b"<script><!--<scripty></script>|<p>",
    "a script after an unfinished comment in one": (
        b"<script><!--</script><script>'<script>'</script>|<p>"
    ),
    "a script whose end tag is upper case": b"<script>a</Script>|<p></script>",
    "a comment in a script that a script follows": (
        b"<script><!--<script></script><p></script>|<p>"
    ),
    "a tag that begins like a script": b"|<scripty>x</script><p>",
    "a comment that closes at once, and one that does not": b"<!---><title>A</title>|<p>-->",
    "an incorrectly closed comment before a dash": b"<!-- a --!>|<p>-->",
    "two exclamation marks": b"<!-- a --!!><p> -->|<p>",
    "old void elements": b"<basefont><bgsound>|<p>",
    "noframes": b"<noframes><p></noframes>|<p>",
    # characters
    "a byte order mark": b"\xef\xbb\xbf|Hello",
    "references to space": b"<head>&#32;&#x20;&Tab;&NewLine;&#10 |&nbsp;",
    "more references to space": b"<head>&#X0D;&#xA;&#9;&#12;&#13;|x",
    "a number that goes on": b"<head>|&#320;",
    "NULs, which browsers leave out": b"\x00 <html>\x00|a",
    # stylesheets, which a script behind them would wait for
    "a stylesheet": (
        b"<!doctype html><html><head><title>A</title>"
        b'|<link rel="stylesheet" href="/a.css"><meta name=b><link rel=stylesheet></head>'
    ),
    "a stylesheet behind an icon": b"<link rel=icon href=a>|<link href='a' rel='stylesheet'>",
    "a stylesheet in odd writing": b'<title>A</title>|<LINK/Rel = "icon\tSTYLE&#115heet\n"/>',
    "a stylesheet by references": b"<title>A</title>|<link rel='alternate&#32;&#x73;tylesheet'>",
    "a stylesheet without quotes": b"<title>A</title>|<link href=a rel=stylesheet ><p>",
    "styles": b"<title>A</title>|<style media=print>a{}</style><link rel=stylesheet><p>",
    "a style in odd writing": b"<title>A</title>|<STYLE\n>a{}</style ><p>",
    "scripts before a stylesheet": b"<script>a()</script>|<style></style><script>b()</script><p>",
    "no stylesheets": (
        b"<link rel=preload as=style><link rel=stylesheets><link rel=style-sheet><link rel='s'>"
        b"<link title=stylesheet><link rel=icon rel=stylesheet><meta rel=stylesheet><link rel>"
        b"<link rel='style sheet'><link rel='stylesheet\x0b'><link data-rel=stylesheet>"
        b"<script>'<style>'</script><noscript><link rel=stylesheet></noscript><!--<style>-->|<p>"
    ),
    "a stylesheet in the body": b"<title>A</title>|<p><link rel=stylesheet>",
    "a stylesheet before the charset": (
        b"<title>A</title>|<link rel=stylesheet><meta charset=utf-8><p>"
    ),
    "a policy before a stylesheet": (
        b"<title>A</title>|<meta http-equiv=content-security-policy content=x><style></style>"
    ),
    "a stylesheet before a policy": (
        b"<title>A</title>|<style></style><meta http-equiv=content-security-policy content=x>"
    ),
    # policies, which apply to what follows them
    "a policy": b"<title>A</title>|<meta http-equiv=Content-Security-Policy content='img-src a'>",
    "a policy in odd writing": (
        b"<link>|<META a  CONTENT=\"img-src 'self'>\" Http-Equiv = 'content-security-POLICY'/>"
    ),
    "a policy by references": b'|<meta http-equiv="Content&#45;Security&#x2D;Policy" content=x>',
    "a policy by references with hundreds of noughts": (
        b"|<meta http-equiv='&#x%b43;ontent&#%b45;security-policy' content=x>"
        % (b"0" * 900, b"0" * 900)
    ),
    "no policy, as its number is invalid": (
        b"<meta http-equiv='&#67%b;ontent-security-policy' content=x>|<p>" % (b"0" * 900)
    ),
    "no policy, as its number goes on": (
        b"<meta http-equiv='&#670;ontent-security-policy' content=x>|<p>"
    ),
    "a policy before the charset": (
        b"<!doctype html>|<meta http-equiv=Content-Security-Policy content=x><meta charset=utf-8>"
    ),
    "a policy in a noscript": (
        b"<noscript><meta http-equiv=Content-Security-Policy content=x></noscript>|<p>"
    ),
    "a policy in a comment": b"<!-- <meta http-equiv=Content-Security-Policy> -->|<p>",
    "a policy in the body": b"|<p><meta http-equiv=Content-Security-Policy content=x>",
    "no policies": (
        b"<meta http-equiv=refresh content='1; Content-Security-Policy'>"
        b"<meta name=http-equiv content=Content-Security-Policy>"
        b"<meta http-equiv=x http-equiv=Content-Security-Policy>|<p>"
    ),
    "a report-only policy, which means nothing in a page": (
        b"<meta http-equiv=Content-Security-Policy-Report-Only content=x>|<p>"
    ),
    "a less-than sign": b"<head>|< p>",
}
