### The words of a share's page, in English.

decimal = .
skip = Skip to the content
shared-by = Shared by { $name }
available-until = Available until { $date }
language-name = English
privacy = Privacy policy

gate-heading = This share is protected
gate-hint = Enter the password that you were given.
password = Password
open = Open
password-wrong = That is not the password. Check it and try again.
password-missing = Enter the password.
too-many = Too many attempts from your network. Try again in { $seconds ->
    [one] one second
   *[other] { $seconds } seconds
}.
terms-heading = Terms and conditions
terms-hint = Accept the terms to see and download what is shared with you.
accept = Accept and continue

items = { $count ->
    [one] one item
   *[other] { $count } items
}
select = Select { $title }
select-all = Select all on this page
nothing-selected = Select at least one item.
download = Download
download-all = Download all
download-selected = Download selected
as-format = Format
as-default = Default formats
as-original = Originals
view-only = You can view these files. Downloads are switched off.
downloads-left = { $count ->
    [one] one download left
   *[other] { $count } downloads left
}
downloads-none = No downloads are left.
empty = Nothing is left in this share.
unavailable = No longer available
all-items = All items
pages = Pages
page-previous = Previous page
page-next = Next page
page-at = Page { $place }
page-go = Go to page
item-previous = Previous
item-next = Next

original = Original
formats = Formats
preview = Preview
no-preview = There is no preview of this file.
open-document = Open the document in a tab of its own
frame-at = View { $place }
turn-hint = Drag it, or press the arrow keys, to turn it.
download-frames = { $count ->
    [one] Download the one view as a zip
   *[other] Download all { $count } views as a zip
}
add-format = Add a format
add-format-hint = The picture in another size or file format. It is never made larger than it is.
crop = Part of the picture
crop-hint = In pixels from the upper left corner. Empty: all of it.
crop-keys = Draw it on the picture, or drag it. Arrow keys move it, with Shift they make it larger or smaller, Delete takes all of the picture.
crop-x = From the left
crop-y = From the top
crop-width = Width of the part
crop-height = Height of the part
width = Width in pixels
height = Height in pixels
fit = If both are given
fit-inside = All of the picture within them
fit-cover = Fill them, and cut off the edges
file-format = File format
quality = Quality of a JPEG, 1 to 100
format-download = Download this format
format-refused = This picture cannot be had in that size or format.
about = About
tags = Tags
kind-AUDIO = Audio
kind-IMAGE = Picture
kind-IMAGE_360 = 360° view
kind-OTHER = Document
kind-PLAYLIST = Playlist
kind-VIDEO = Video
kind-URL = Link

gone-heading = This share is over
gone-detail = It has expired or was withdrawn. Ask the person who gave you the link for a new one.
missing-heading = Nothing here
missing-detail = There is nothing at this address. Check that the link is complete.
foreign-heading = That was not accepted
foreign-detail = The request did not come from this page. Nothing was done. Open the link again and try once more.
refused-heading = That is not possible
refused-detail = What was asked for is not given in this way.
busy-heading = One moment
busy-detail = Too much is going on. Try again in a few seconds.
failed-heading = Something went wrong
failed-detail = The fault is here, not with you. Try again later. Reference: { $request }
back-to-share = Back to the share
