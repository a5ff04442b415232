### The words of letters, in German.

letter-hello = Guten Tag { $name },
letter-share-subject = { $name } hat „{ $title }“ mit Ihnen geteilt
letter-share-lead = { $name } hat „{ $title }“ mit Ihnen geteilt: { $count ->
    [one] ein Element
   *[other] { $count } Elemente
}.
letter-message = Nachricht von { $name }
letter-open = Freigabe öffnen
letter-until = Der Link ist gültig bis { $date }.
letter-password = Die Freigabe ist mit einem Passwort geschützt, das Sie von { $name } auf anderem Weg erhalten.
letter-own = Der Link gehört nur Ihnen. Bitte geben Sie ihn nicht weiter.
letter-unexpected = Wenn Sie das nicht erwartet haben, können Sie diese Nachricht ignorieren.
letter-ends-subject = „{ $title }“ endet bald
letter-ends-lead = Ihre Freigabe „{ $title }“ endet am { $date }.
letter-ends-after = Danach kann sie niemand mehr öffnen. In der Konsole können Sie das Ende verschieben; 30 Tage nach dem Ende wird sie gelöscht.
letter-somebody = Jemand mit dem Link
letter-opened-subject = „{ $title }“ wurde geöffnet
letter-opened-lead = { $name } hat Ihre Freigabe „{ $title }“ geöffnet.
letter-had-subject = Aus „{ $title }“ wurde etwas heruntergeladen
letter-had-lead = { $name } hat einen Download aus Ihrer Freigabe „{ $title }“ begonnen.
letter-digest-subject = Was mit „{ $title }“ geschehen ist
letter-digest-lead = Seit { $date } wurde Ihre Freigabe „{ $title }“ besucht.
letter-digest-opened = { $count ->
    [one] Sie wurde einmal geöffnet.
   *[other] Sie wurde { $count }-mal geöffnet.
}
letter-digest-had = { $count ->
    [one] Ein Download wurde begonnen.
   *[other] { $count } Downloads wurden begonnen.
}
letter-why-own = Sie erhalten diese Nachricht, weil Sie die Freigabe erstellt haben. Was Ihnen mitgeteilt wird, ist bei der Freigabe eingestellt.
