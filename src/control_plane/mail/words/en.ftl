### The words of letters, in English.

letter-hello = Hello { $name },
letter-share-subject = { $name } shared “{ $title }” with you
letter-share-lead = { $name } shared “{ $title }” with you: { $count ->
    [one] one item
   *[other] { $count } items
}.
letter-message = Message from { $name }
letter-open = Open the share
letter-until = The link works until { $date }.
letter-password = It is protected with a password, which you get from { $name } in another way.
letter-own = The link is yours alone. Please do not pass it on.
letter-unexpected = If you did not expect this, you can ignore it.
letter-ends-subject = “{ $title }” ends soon
letter-ends-lead = Your share “{ $title }” ends on { $date }.
letter-ends-after = After that nobody can open it. You can move its end in the console; 30 days after its end it is removed.
letter-somebody = Somebody with the link
letter-opened-subject = “{ $title }” was opened
letter-opened-lead = { $name } opened your share “{ $title }”.
letter-had-subject = Something was downloaded from “{ $title }”
letter-had-lead = { $name } began a download from your share “{ $title }”.
letter-digest-subject = What happened to “{ $title }”
letter-digest-lead = Since { $date } your share “{ $title }” was visited.
letter-digest-opened = { $count ->
    [one] It was opened once.
   *[other] It was opened { $count } times.
}
letter-digest-had = { $count ->
    [one] One download was begun.
   *[other] { $count } downloads were begun.
}
letter-why-own = You get this letter because you made the share. What you are told of it is set with the share.
