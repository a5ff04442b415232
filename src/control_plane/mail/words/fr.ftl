### The words of letters, in French.

letter-hello = Bonjour { $name },
letter-share-subject = { $name } a partagé « { $title } » avec vous
letter-share-lead = { $name } a partagé « { $title } » avec vous : { $count ->
    [one] un élément
   *[other] { $count } éléments
}.
letter-message = Message de { $name }
letter-open = Ouvrir le partage
letter-until = Le lien est valable jusqu’au { $date }.
letter-password = Il est protégé par un mot de passe, que { $name } vous donnera par un autre moyen.
letter-own = Ce lien n’est que pour vous. Merci de ne pas le transmettre.
letter-unexpected = Si vous n’attendiez pas ce message, vous pouvez l’ignorer.
letter-ends-subject = « { $title } » se termine bientôt
letter-ends-lead = Votre partage « { $title } » se termine le { $date }.
letter-ends-after = Ensuite, personne ne pourra l’ouvrir. Vous pouvez déplacer sa fin dans la console ; il est supprimé 30 jours après.
letter-somebody = Une personne ayant le lien
letter-opened-subject = « { $title } » a été ouvert
letter-opened-lead = { $name } a ouvert votre partage « { $title } ».
letter-had-subject = Un téléchargement a été fait depuis « { $title } »
letter-had-lead = { $name } a commencé un téléchargement depuis votre partage « { $title } ».
letter-digest-subject = Ce qui s’est passé pour « { $title } »
letter-digest-lead = Depuis le { $date }, votre partage « { $title } » a été visité.
letter-digest-opened = { $count ->
    [one] Il a été ouvert une fois.
   *[other] Il a été ouvert { $count } fois.
}
letter-digest-had = { $count ->
    [one] Un téléchargement a été commencé.
   *[other] { $count } téléchargements ont été commencés.
}
letter-why-own = Vous recevez ce message parce que vous avez créé le partage. Ce qui vous est signalé se règle avec le partage.
